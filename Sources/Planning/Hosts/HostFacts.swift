import Fleet

/// What a host tells of itself before anything of Convoy has to be there.
package struct HostFacts: Sendable, Equatable, Codable {
    package struct Listener: Sendable, Equatable, Codable {
        package var port: Int
        /// As `nginx (pid 12)`; nil where nobody may know.
        package var owner: String?
        package var pid: Int32?

        package init(port: Int, owner: String? = nil, pid: Int32? = nil) {
            self.port = port
            self.owner = owner
            self.pid = pid
        }
    }

    package struct Disk: Sendable, Equatable, Codable {
        package var freeBytes: Int
        package var freeFiles: Int

        package init(freeBytes: Int, freeFiles: Int) {
            self.freeBytes = freeBytes
            self.freeFiles = freeFiles
        }
    }

    /// `debian`, and its version such as `12`.
    package var system = ""
    package var systemVersion = ""
    /// As dpkg calls it.
    package var architecture = ""
    /// Nil where systemd does not run the machine.
    package var systemd: Int?
    /// Seconds since 1970, of the host's clock.
    package var clock: Double?
    package var freeMemory: Int?
    package var processors: Int?
    /// Directory -> what is left of the file system that it is on.
    package var disks: [String: Disk] = [:]
    package var listeners: [Listener] = []
    /// Processes of Convoy's own edge.
    package var edgePids: Set<Int32> = []
    /// Masters of other nginxes that run.
    package var otherNginx: [Int32] = []
    package var programs: Set<String> = []
    /// Tag of its Python, such as `cp311-linux_x86_64`.
    package var python: String?
    package var hasCredentialKey = false
    /// Version of Convoy's package, and the digest of the file that it came from, if a bootstrap brought it.
    package var package: String?
    package var packageFile: Digest?
    /// Releases that are there, sealed.
    package var releases: Set<Digest> = []
    /// Of the files that were asked for: what they hold. Not there: not in it.
    package var files: [String: Digest] = [:]
    /// Of what was asked for: those that are directories.
    package var directories: Set<String> = []
    /// Tables of the host's firewall, such as `inet filter`.
    package var firewallTables: [String] = []

    package init() {}
}

extension HostFacts {
    /// Programs that are looked for.
    static let wantedPrograms = [
        "apt-get", "dpkg", "nft", "nginx", "python3", "systemd-creds", "tar", "sha256sum", DebianPrograms.node,
    ]

    /// Where the file systems are that a fleet fills.
    static let wantedDirectories = ["/usr", "/etc", "/var/lib"]
}
