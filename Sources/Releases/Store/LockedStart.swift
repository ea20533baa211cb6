import Fleet

/// How a command of a release will start on a host that has it, told without it being there: where it lies
/// and what its commands are is in the lock. The same words as `LocalReleaseStore.command` gives once it is.
package struct LockedStart: Sendable {
    /// Where the host keeps releases.
    package let releases: String

    package init(releases: String) { self.releases = releases }

    package func installed(_ locked: LockedRelease) -> InstalledRelease {
        var reference = locked.reference
        if reference.version.isEmpty { reference.version = "0+" + locked.digest.short }
        return InstalledRelease(reference: reference, digest: locked.digest, tree: directory(locked) + "/tree")
    }

    /// Nil when the lock does not say how it starts. Throws a `Failure` for what is never started.
    /// - Parameter installed: where the release can be looked at after all.
    package func command(
        _ name: String, of locked: LockedRelease, installed: LocalReleaseStore? = nil
    ) throws -> ReleaseCommand? {
        let release = directory(locked)
        switch locked.reference.kind {
        case .path: return script(name, release)
        case .npm: return nil
        case .pypi:
            guard let programs = locked.programs ?? installed?.programs(of: locked.digest) else { return nil }
            if let path = programs[name] {
                return ReleaseCommand(executable: release + "/tree/" + path, arguments: [], environment: [:])
            }
            return ReleaseStarts.entryPoint(name, python: DebianPrograms.python, release: release)
        }
    }

    private func script(_ name: String, _ release: String) -> ReleaseCommand {
        let path = release + "/tree/" + name
        if name.hasSuffix(".py") { return ReleaseStarts.script(path, python: DebianPrograms.python, release: release) }
        let isNode = [".js", ".mjs", ".cjs"].contains(where: name.hasSuffix)
        return isNode
            ? ReleaseCommand(executable: DebianPrograms.node, arguments: [path], environment: [:])
            : ReleaseCommand(executable: path, arguments: [], environment: [:])
    }

    private func directory(_ locked: LockedRelease) -> String { releases + "/" + locked.digest.hex }
}

extension LocalReleaseStore {
    /// Nil when it is not on this machine.
    func programs(of digest: Digest) -> [String: String]? {
        guard let bytes = try? Posix.readAll(shelf.directory(digest) + "/" + ReleaseCard.file) else { return nil }
        return ReleaseCard(bytes)?.programs
    }
}

extension ReleaseCard {
    /// As `LockedRelease.programs`.
    var programs: [String: String] {
        commands.compactMapValues { start in
            guard case .program(let path) = start else { return nil }
            return path
        }
    }
}
