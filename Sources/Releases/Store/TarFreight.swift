import Fleet
import Glibc
import Ports

/// Releases as compressed archives: the tree and its card. Launcher, bytecode and seal are made where it arrives,
/// since they belong to that place.
package struct TarFreight: ReleaseFreight {
    private let shelf: ReleaseShelf
    private let seal: TreeReleaseSeal
    private let builder: ReleaseBuilder

    /// - Parameters: as `LocalReleaseStore`'s.
    package init(state: String, seal: TreeReleaseSeal, python: String = "/usr/bin/python3") {
        shelf = ReleaseShelf(state: state)
        self.seal = seal
        let host = PythonHost(python: python, tools: state + "/tools", environment: [:])
        builder = ReleaseBuilder(shelf: shelf, host: host, seal: seal)
    }

    package func pack(_ digest: Digest, to file: String) async throws {
        try seal.check(digest)
        try await tar(
            ["--owner=0", "--group=0", "--numeric-owner", "--sort=name", "-C", shelf.directory(digest), "-czf", file]
                + ["--", "tree", ReleaseCard.file], what: "cannot pack release \(digest.short)")
    }

    package func unpack(_ file: String, as digest: Digest) async throws {
        if isWhole(digest) { return }
        try await shelf.locked {
            if isWhole(digest) { return }
            let staged = try shelf.stage()
            do {
                try await tar(
                    ["--no-same-owner", "-C", staged, "-xzf", file], what: "cannot unpack release \(digest.short)")
                let card = try card(of: staged, digest, file)
                _ = try await builder.finish(
                    staged, reference: card.reference, platform: card.platform, expected: digest,
                    commands: card.commands)
            } catch {
                try? Posix.removeTree(staged)
                throw error
            }
        }
    }

    private func isWhole(_ digest: Digest) -> Bool {
        Posix.fingerprint(shelf.directory(digest)) != nil && (try? seal.check(digest)) != nil
    }

    /// It tells how the release starts, which the digest does not cover: it has to fit, at least.
    private func card(of staged: String, _ digest: Digest, _ file: String) throws -> ReleaseCard {
        let path = staged + "/" + ReleaseCard.file
        let hasTree = Posix.fingerprint(staged + "/tree")?.isDirectory == true
        let isThere = hasTree && Posix.fingerprint(path)?.isFile == true
        guard isThere, let card = ReleaseCard(try Posix.readAll(path)), card.digest == digest else {
            throw Failure(
                .failed, "cannot unpack release \(digest.short)", because: "\(file) does not hold it",
                next: "ship it again with `convoy bootstrap`")
        }
        return card
    }

    private func tar(_ arguments: [String], what: String) async throws {
        let outcome = try await builder.host.run(
            "/usr/bin/tar", arguments, environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"])
        guard !outcome.succeeded else { return }
        let said = outcome.errors.split(whereSeparator: \.isNewline).first.map(String.init)
        throw Failure(.failed, what, because: said ?? "tar failed", next: "see to that, then run it again")
    }
}
