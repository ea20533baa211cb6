import Fleet

/// How this machine's OpenSSH is called. Whom it trusts and how it gets there stays its own business: its
/// configuration, agent, known_hosts and jump hosts hold as they do for the operator's `ssh`.
package struct SSHSettings: Sendable {
    /// A name is looked for in PATH.
    package var program: String
    /// Instead of the operator's own configuration.
    package var configuration: String?
    /// A directory for the standing connections' sockets, this user's only.
    package var sockets: String

    package init(program: String = "ssh", configuration: String? = nil, sockets: String) {
        self.program = program
        self.configuration = configuration
        self.sockets = sockets
    }

    /// Arguments before the destination. Nobody is asked anything, and no unknown key is taken.
    func options(isFreshLogin: Bool) -> [String] {
        var words = configuration.map { ["-F", $0] } ?? []
        words += ["-T", "-x", "-a"]
        for option in Self.fixed + (isFreshLogin ? Self.fresh : standing) { words += ["-o", option] }
        return words
    }

    /// `%C` is short whatever the host is called, as paths of sockets have to be.
    private var standing: [String] {
        ["ControlMaster=auto", "ControlPersist=10", "ControlPath=\(sockets)/%C"]
    }

    private static let fresh = ["ControlMaster=no", "ControlPath=none"]
    /// A host that says nothing for 15 s is gone.
    private static let fixed = [
        "BatchMode=yes", "StrictHostKeyChecking=yes", "UpdateHostKeys=no", "ConnectTimeout=10",
        "ServerAliveInterval=5", "ServerAliveCountMax=3", "ClearAllForwardings=yes", "PermitLocalCommand=no",
    ]

    static func destination(_ host: HostSpec) -> String { host.ssh ?? host.address }
}
