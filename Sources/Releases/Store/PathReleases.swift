import Fleet
import Glibc

/// `path:` releases: the files of a directory, copied as they are.
struct PathReleases: Sendable {
    let shelf: ReleaseShelf
    let builder: ReleaseBuilder
    /// What relative references are relative to.
    let directory: String

    func resolve(_ reference: ReleaseReference, constraints: [String]) async throws -> LockedRelease {
        let digest = try await build(reference, expected: nil)
        return LockedRelease(
            reference: reference, constraints: constraints, platform: "", packages: [], digest: digest)
    }

    func install(_ locked: LockedRelease) async throws {
        _ = try await build(locked.reference, expected: locked.digest)
    }

    private func build(_ reference: ReleaseReference, expected: Digest?) async throws -> Digest {
        let source = reference.name.hasPrefix("/") ? reference.name : directory + "/" + reference.name
        var status = stat()
        guard stat(source, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw Failure(
                .unavailable, "cannot read \(reference)", because: "there is no directory \(source)",
                next: "put the server's files there, or correct `server/release` in fleet.yaml")
        }
        let staged = try shelf.stage()
        do {
            try Posix.makeDirectory(staged + "/tree")
            try copy(source, to: staged + "/tree")
            return try await builder.finish(
                staged, reference: reference, platform: "", expected: expected, commands: [:])
        } catch {
            try? Posix.removeTree(staged)
            throw error
        }
    }

    /// Copies bytes, never links: a hard link would let a write to the source change the release.
    private func copy(_ source: String, to target: String, below: String = "") throws {
        for name in try Posix.names(in: source + below) {
            let path = below + "/" + name
            guard let print = Posix.fingerprint(source + path) else { throw Posix.failure("read", source + path) }
            if print.isDirectory {
                guard mkdir(target + path, 0o755) == 0 else { throw Posix.failure("create", target + path) }
                try copy(source, to: target, below: path)
            } else if print.isFile {
                try Posix.copy(source + path, to: target + path, mode: print.isExecutable ? 0o755 : 0o644)
            } else {
                // Throws for what has no place in a release.
                _ = try TreeScan.content(source, String(path.dropFirst()), print)
                guard symlink(try Posix.linkTarget(source + path), target + path) == 0 else {
                    throw Posix.failure("create the link", target + path)
                }
            }
        }
    }
}
