import Fleet

/// What should run, and what was seen of it.
package struct ProcessSighting: Sendable, Equatable, Codable {
    /// An instance's name, or that of a daemon.
    package var name: String
    package var pid: Int32
    /// Nil where the program chooses its own words.
    package var launch: Launch?
    /// A daemon of ours: it should be the installed binary.
    package var isDaemon: Bool
    package var fact: ProcessFact?

    package struct Launch: Sendable, Equatable, Codable {
        package var executable: String
        package var arguments: [String]
        /// Names only; the secret ones, too.
        package var environment: [String]
        /// Names that the backend adds by itself.
        package var tolerated: [String]

        package init(executable: String, arguments: [String], environment: [String], tolerated: [String] = []) {
            self.executable = executable
            self.arguments = arguments
            self.environment = environment
            self.tolerated = tolerated
        }
    }

    package init(name: String, pid: Int32, launch: Launch?, isDaemon: Bool = false, fact: ProcessFact? = nil) {
        self.name = name
        self.pid = pid
        self.launch = launch
        self.isDaemon = isDaemon
        self.fact = fact
    }
}

/// What the kernel says of one process. Values of its environment are nobody's business.
package struct ProcessFact: Sendable, Equatable, Codable {
    package var pid: Int32
    package var parent: Int32
    package var group: Int32
    package var user: String
    /// `/proc/PID/exe`; nil when it may not be read.
    package var executable: String?
    /// What a path of the executable leads to now, links followed, where that can be told.
    package var isReplaced: Bool
    package var words: [String]
    /// Nil when it may not be read.
    package var environment: [String]?

    package init(
        pid: Int32, parent: Int32, group: Int32, user: String, executable: String?, isReplaced: Bool, words: [String],
        environment: [String]?
    ) {
        self.pid = pid
        self.parent = parent
        self.group = group
        self.user = user
        self.executable = executable
        self.isReplaced = isReplaced
        self.words = words
        self.environment = environment
    }
}

/// The machine's processes and listeners, as far as they bear upon the fleet.
package struct ProcessTable: Sendable, Equatable, Codable {
    package var processes: [ProcessFact]
    package var listeners: [ListenerFact]

    package init(processes: [ProcessFact] = [], listeners: [ListenerFact] = []) {
        self.processes = processes
        self.listeners = listeners
    }
}

package struct ListenerFact: Sendable, Hashable, Codable {
    package var address: String
    package var port: Int
    /// Who has its socket, as far as that could be seen.
    package var owners: [Int32]
    /// Of the socket.
    package var user: String

    package init(address: String, port: Int, owners: [Int32], user: String) {
        self.address = address
        self.port = port
        self.owners = owners
        self.user = user
    }

    /// 127.0.0.0/8 and ::1.
    package var isLoopback: Bool { address.hasPrefix("127.") || address == "::1" }
}

/// Who should listen where.
package struct PortWish: Sendable, Equatable, Codable {
    package var edge: EdgeSpec.Listen?
    /// False: it is somebody else's nginx, and may listen where it likes.
    package var isOwnEdge: Bool
    /// Port -> instance, of those that run.
    package var instances: [Int: String]
    /// Ports of the other colour, where nobody should listen.
    package var idle: [Int]
    /// The path that all releases are below, and that of the edge's configuration.
    package var releases: String
    package var edgeConfiguration: String
    package var supervisor: Int32

    package init(
        edge: EdgeSpec.Listen?, isOwnEdge: Bool, instances: [Int: String], idle: [Int], releases: String,
        edgeConfiguration: String, supervisor: Int32
    ) {
        self.edge = edge
        self.isOwnEdge = isOwnEdge
        self.instances = instances
        self.idle = idle
        self.releases = releases
        self.edgeConfiguration = edgeConfiguration
        self.supervisor = supervisor
    }
}
