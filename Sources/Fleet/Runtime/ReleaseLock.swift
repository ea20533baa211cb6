/// `fleet.lock`: a release and all it depends on, each with version and hashes, resolved once and
/// committed beside `fleet.yaml`. The same lock gives the same release digest on every machine.
package struct ReleaseLock: Sendable, Equatable, Codable {
    /// Version of this file's format.
    package var format: Int
    /// One per release that was ever locked: rollbacks need no network.
    package var releases: [LockedRelease]

    package init(format: Int = 1, releases: [LockedRelease] = []) {
        self.format = format
        self.releases = releases
    }

    package func release(for reference: ReleaseReference, constraints: [String]) -> LockedRelease? {
        releases.first { $0.reference == reference && $0.constraints == constraints.sorted() }
    }

    /// Adds or replaces the entry of the same reference and constraints; entries stay sorted.
    package mutating func record(_ release: LockedRelease) {
        releases.removeAll { $0.reference == release.reference && $0.constraints == release.constraints }
        releases.append(release)
        releases.sort {
            ($0.reference.description, $0.constraints.description)
                < ($1.reference.description, $1.constraints.description)
        }
    }
}

package struct LockedRelease: Sendable, Equatable, Codable {
    package var reference: ReleaseReference
    /// Sorted `name==version`.
    package var constraints: [String]
    /// What the files are for, such as `cp311-linux_x86_64`; empty when they fit everywhere.
    package var platform: String
    /// Sorted by name.
    package var packages: [LockedPackage]
    /// Of the installed tree.
    package var digest: Digest
    /// Commands that are programs: name -> path below the tree; any other is a Python entry point. Nil where
    /// nobody looked: `path:` releases, whose commands are paths, and locks of an older convoy.
    package var programs: [String: String]?

    package init(
        reference: ReleaseReference, constraints: [String], platform: String, packages: [LockedPackage],
        digest: Digest, programs: [String: String]? = nil
    ) {
        self.reference = reference
        self.constraints = constraints.sorted()
        self.platform = platform
        self.packages = packages
        self.digest = digest
        self.programs = programs
    }
}

package struct LockedPackage: Sendable, Equatable, Codable {
    package var name: String
    package var version: String
    /// The file's name in the registry, such as `mcp-2.3.0-py3-none-any.whl`.
    package var file: String
    package var sha256: Digest

    package init(name: String, version: String, file: String, sha256: Digest) {
        self.name = name
        self.version = version
        self.file = file
        self.sha256 = sha256
    }
}

/// A release that is on this host, checked and ready to start.
package struct InstalledRelease: Sendable, Equatable, Codable {
    package var reference: ReleaseReference
    package var digest: Digest
    /// Absolute path of the tree whose bytes the digest covers.
    package var tree: String

    package init(reference: ReleaseReference, digest: Digest, tree: String) {
        self.reference = reference
        self.digest = digest
        self.tree = tree
    }

    package var stamp: ReleaseStamp { ReleaseStamp(name: reference.name, version: reference.version, digest: digest) }
}

/// How a command of a release is started.
package struct ReleaseCommand: Sendable, Equatable, Codable {
    package var executable: String
    /// Come before the profile's own arguments.
    package var arguments: [String]
    package var environment: [String: String]

    package init(executable: String, arguments: [String], environment: [String: String]) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
    }

    /// The same on a host that keeps its state elsewhere; only there the paths lead anywhere.
    package func moved(from state: String, to other: String) -> ReleaseCommand {
        func moved(_ text: String) -> String { text.replacing(state + "/", with: other + "/") }
        guard state != other else { return self }
        return ReleaseCommand(
            executable: moved(executable), arguments: arguments.map(moved), environment: environment.mapValues(moved))
    }
}
