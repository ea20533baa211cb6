import Fleet

/// What a host should be when its bootstrap is done.
package struct BootstrapWish: Sendable, Equatable {
    /// A package of Convoy as a file.
    package struct Package: Sendable, Equatable {
        package var version: String
        package var architecture: String
        package var digest: Digest

        package init(version: String, architecture: String, digest: Digest) {
            self.version = version
            self.architecture = architecture
            self.digest = digest
        }

        /// `convoy_0.1.0_amd64.deb`, as ops/package names it; nil for any other name.
        package init?(fileName: String, digest: Digest) {
            guard let match = fileName.wholeMatch(of: #/convoy_([A-Za-z0-9.+~]+)_([a-z0-9]+)\.deb/#) else { return nil }
            self.init(version: String(match.1), architecture: String(match.2), digest: digest)
        }
    }

    package var spec: FleetSpec
    /// Of the convoy that asks: only its like is spoken to.
    package var version: String
    /// Nil: the host has to have one.
    package var package: Package?
    package var release: LockedRelease
    /// Path on the host -> what it should hold.
    package var files: [String: Digest]
    /// The host's own files, which have to be there.
    package var ownFiles: [String]
    /// Programs by which the release is started, and which no package of Convoy's brings.
    package var programs: [String]
    /// The fleet comes up on all hosts together, later: only then there are rules to load.
    package var isForLater = false

    package init(
        spec: FleetSpec, version: String, package: Package?, release: LockedRelease, files: [String: Digest],
        ownFiles: [String] = [], programs: [String] = []
    ) {
        self.spec = spec
        self.version = version
        self.package = package
        self.release = release
        self.files = files
        self.ownFiles = ownFiles
        self.programs = programs
    }

    /// All files of the host that it has to be asked about.
    package var askedFiles: [String] { (files.keys + ownFiles + [includeFolder].compactMap(\.self)).sorted() }

    /// From which another nginx is to read the fleet's file; nil where the fleet has its own.
    var includeFolder: String? {
        guard spec.edge.mode == .include else { return nil }
        let file = spec.edge.includeFile(of: spec.name)
        return "/" + file.split(separator: "/").dropLast().joined(separator: "/")
    }
}

/// One thing to change on a host. Each can be done again: done twice is done once.
package enum BootstrapChange: Sendable, Hashable, Codable, CaseIterable {
    /// Debian's nginx.service must not start when the package brings nginx.
    case quietNginx
    case package
    case credentialKey
    case release
    case files
    case fleet
    case firewall

    package var name: String { "\(self)" }
}
