import Fleet
import Glibc
import Ports

/// Releases of all kinds on this host, by digest.
package struct LocalReleaseStore: ReleaseStore {
    let shelf: ReleaseShelf
    let seal: TreeReleaseSeal
    let pypi: PypiReleases
    let paths: PathReleases
    let starts: ReleaseStarts

    /// - Parameters:
    ///   - state: `FleetLayout.state`, absolute.
    ///   - directory: what relative `path:` references are relative to: where `fleet.yaml` is.
    ///   - seal: shared with the supervisor, so that both use the seals once read.
    ///   - environment: of the operator; only what tells pip where its registry is is passed on.
    ///   - startsElsewhere: commands are for hosts, whose programs are where Debian has them.
    package init(
        state: String, directory: String, seal: TreeReleaseSeal, python: String = "/usr/bin/python3",
        environment: [String: String], startsElsewhere: Bool = false
    ) {
        let shelf = ReleaseShelf(state: state)
        let host = PythonHost(python: python, tools: state + "/tools", environment: environment)
        self.shelf = shelf
        self.seal = seal
        let builder = ReleaseBuilder(shelf: shelf, host: host, seal: seal)
        pypi = PypiReleases(shelf: shelf, host: host, builder: builder)
        paths = PathReleases(shelf: shelf, builder: builder, directory: directory)
        starts = ReleaseStarts(
            python: python, searchPath: startsElsewhere ? nil : environment["PATH"] ?? "/usr/bin:/bin")
    }

    package func resolve(_ reference: ReleaseReference, constraints: [String]) async throws -> LockedRelease {
        switch reference.kind {
        case .pypi:
            return try await shelf.locked { try await pypi.resolve(reference, constraints: constraints.sorted()) }
        case .path:
            return try await shelf.locked { try await paths.resolve(reference, constraints: constraints.sorted()) }
        case .npm: throw Self.npm(reference)
        }
    }

    package func install(_ locked: LockedRelease) async throws -> InstalledRelease {
        if locked.reference.kind == .npm { throw Self.npm(locked.reference) }
        if let present = try present(locked) { return present }
        return try await shelf.locked {
            // Whoever held the lock before us may have done it.
            if let present = try present(locked) { return present }
            switch locked.reference.kind {
            case .pypi: try await pypi.install(locked)
            case .path: try await paths.install(locked)
            case .npm: throw Self.npm(locked.reference)
            }
            return try named(locked)
        }
    }

    package func verify(_ digest: Digest) async throws { try seal.verify(digest) }

    package func command(_ command: String, of release: InstalledRelease) async throws -> ReleaseCommand {
        try starts.command(command, card: try card(release.digest), release: shelf.directory(release.digest))
    }

    /// Sorted by name and version. What can't be read is left out here, and left alone.
    package func list() async throws -> [InstalledRelease] {
        guard Posix.fingerprint(shelf.releases) != nil else { return [] }
        return try Posix.names(in: shelf.releases).compactMap { Digest(hex: $0) }
            .compactMap { digest in (try? card(digest)).map { installed($0.reference, digest) } }
            .sorted { ($0.reference.description, $0.digest.hex) < ($1.reference.description, $1.digest.hex) }
    }

    /// Throws when the release could not be read; it is then in quarantine instead of deleted.
    package func remove(_ digest: Digest) async throws {
        try await shelf.locked {
            let directory = shelf.directory(digest)
            guard Posix.fingerprint(directory) != nil else { return }
            guard (try? card(digest)) != nil else {
                let aside = try shelf.putAside(directory, named: digest.hex)
                throw Failure(
                    .failed, "release \(digest.short) was not deleted", because: "it can't be read as a release",
                    next: "look at \(aside), where it was put aside, and delete it yourself")
            }
            try Posix.makeDirectory(shelf.staging)
            let doomed = shelf.staging + "/removed-\(digest.hex)-\(getpid())"
            // Out of reach in one step: nobody may start from a release that is half gone.
            try Posix.move(directory, to: doomed)
            try Posix.removeTree(doomed)
        }
    }

    /// Nil when it must be installed; a release that changed is installed anew beside the old one.
    private func present(_ locked: LockedRelease) throws -> InstalledRelease? {
        guard Posix.fingerprint(shelf.directory(locked.digest)) != nil else { return nil }
        do { try seal.check(locked.digest) } catch is Failure { return nil }
        return try? named(locked)
    }

    private func named(_ locked: LockedRelease) throws -> InstalledRelease {
        let card = try card(locked.digest)
        var reference = locked.reference
        if reference.version.isEmpty { reference.version = card.reference.version }
        return installed(reference, locked.digest)
    }

    private func installed(_ reference: ReleaseReference, _ digest: Digest) -> InstalledRelease {
        InstalledRelease(reference: reference, digest: digest, tree: shelf.directory(digest) + "/tree")
    }

    private func card(_ digest: Digest) throws -> ReleaseCard {
        let path = shelf.directory(digest) + "/" + ReleaseCard.file
        guard let card = ReleaseCard(try Posix.readAll(path)), card.digest == digest else {
            throw Failure(
                .failed, "cannot use release \(digest.short)", because: "\(path) doesn't describe it",
                next: "run `convoy up`, which installs it again from fleet.lock")
        }
        return card
    }

    private static func npm(_ reference: ReleaseReference) -> Failure {
        Failure(
            .unavailable, "cannot install \(reference)",
            because: "npm packages are installed where npm is reachable, and this convoy does not run npm",
            next: "there, run `npm install --prefix server \(reference.name)@\(reference.version)`, copy the directory "
                + "here and set `release: path:./server@\(reference.version)`")
    }
}
