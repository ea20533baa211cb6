import Fleet
import Glibc

/// Finishes a staged tree: digest, launcher, bytecode, seal; then puts it in place.
struct ReleaseBuilder: Sendable {
    let shelf: ReleaseShelf
    let host: PythonHost
    let seal: TreeReleaseSeal

    /// `staged` holds `tree`. `expected` is the locked digest, nil when it is to be learned.
    func finish(
        _ staged: String, reference: ReleaseReference, platform: String, expected: Digest?,
        commands: [String: ReleaseCard.Start]
    ) async throws -> Digest {
        let scan = try TreeScan(staged + "/tree")
        let digest = try scan.manifest(reference.kind).digest()
        if let expected, expected != digest {
            throw Failure(
                .failed, "cannot install \(reference) as it is locked",
                because: "its bytes have the digest \(digest.short), fleet.lock says \(expected.short)",
                next: Self.advice(reference))
        }
        if (try? seal.check(digest)) != nil {
            // Already here and whole: instances may run from it, so it is not replaced.
            try? Posix.removeTree(staged)
            return digest
        }
        var named = reference
        if named.version.isEmpty { named.version = "0+" + digest.short }
        let card = ReleaseCard(reference: named, digest: digest, platform: platform, commands: commands)
        try Posix.write(staged + "/" + ReleaseCard.file, try card.encode(), mode: 0o644)
        try Posix.write(staged + "/launch.py", Array(PythonScripts.launcher(commands).utf8), mode: 0o644)
        if scan.entries.contains(where: { $0.path.hasSuffix(".py") }) {
            try await host.compile(staged, as: shelf.directory(digest), required: reference.kind == .pypi)
        }
        try await write(sealOf: staged, kind: reference.kind)
        try shelf.publish(staged, as: digest)
        return digest
    }

    private func write(sealOf staged: String, kind: ReleaseReference.Kind) async throws {
        // File times tick every few milliseconds. Once a tick has passed since the last write, any
        // later change shows in the fingerprint.
        try await Task.sleep(for: .milliseconds(20))
        let entries = try TreeScan(staged).entries.map {
            Seal.Entry(path: $0.path, content: $0.content, fingerprint: $0.fingerprint)
        }
        let seal = Seal(kind: kind, entries: entries.sorted { $0.path < $1.path })
        try Posix.write(staged + "/" + Seal.file, try seal.encode(), mode: 0o600)
    }

    private static func advice(_ reference: ReleaseReference) -> String {
        switch reference.kind {
        case .path:
            "the directory changed since it was locked: put it back, or give it a new version and lock that"
        case .pypi, .npm:
            "compare the platform and Python with the host that wrote fleet.lock; if both agree, "
                + "resolve the release anew and compare the two locks"
        }
    }
}
