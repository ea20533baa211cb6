import Fleet

/// The few things Operations asks of the machine itself. Paths are absolute.
package protocol FileStore: Sendable {
    func read(_ path: String) throws -> String?
    /// A file that holds a secret: refused when anybody but its owner may read it. Nil when missing.
    func readSecret(_ path: String) throws -> Secret?
    /// Atomic: a reader sees the old content or the new, also after a power cut.
    func write(_ path: String, _ content: String, mode: UInt16) throws
    func makeDirectory(_ path: String, mode: UInt16) throws
    func remove(_ path: String) throws
    func list(_ directory: String) throws -> [String]
}

extension FileStore {
    package func readSecret(_ path: String) throws -> Secret? { try read(path).map { Secret($0) } }
}

/// Unguessable text for passwords and secrets: URL-safe characters only.
package protocol SecretSource: Sendable {
    func secret(bytes: Int) -> Secret
}

/// Time as the use cases know it; tests turn it by hand.
package protocol Timepiece: Sendable {
    /// Monotonic, counts while the machine sleeps; only differences mean anything.
    func now() -> Seconds
    /// Seconds since 1970, for records that people read.
    func wallClock() -> Double
    /// Throws `CancellationError` when the task is cancelled.
    func sleep(_ time: Seconds) async throws
}

/// Sockets that the supervisor needs of the machine.
package protocol Sockets: Sendable {
    /// A listening unix socket for one user only (nil: our own); it replaces a stale one, never one that
    /// answers.
    func listen(path: String, for owner: ProcessPlan.UserAndGroup?) throws -> Int32
    /// The first listener of a process that was started with one; nil when it can't be had.
    func listener(of pid: Int32) -> Int32?
    func close(_ descriptor: Int32)
    /// Whether something accepts connections there.
    func accepts(address: String, port: Int) async -> Bool
    /// Whether anybody listens on the port; cheap.
    func isListening(on port: Int) -> Bool
    /// Who listens on which of the ports, as `nginx (pid 12)`; nothing of those on which nobody does.
    func listeners(on ports: Set<Int>) -> [Int: String]
    /// Whether this process, perhaps among others, listens on the port.
    func isListening(_ pid: Int32, on port: Int) -> Bool
    /// Holds exactly these ports of 127.0.0.1, so that nobody else can listen there; lets go of others.
    func hold(_ ports: Set<Int>)
    /// How many connections are established to these ports on 127.0.0.1.
    func connections(to ports: Set<Int>) -> Int
}

extension Sockets {
    /// Who listens on the port; nil when nobody does.
    package func listener(on port: Int) -> String? { listeners(on: [port])[port] }
}

/// Asks a running gate which policy it applies, and what it keeps.
package protocol GateProbe: Sendable {
    func revision() async throws -> Int
    /// Sessions that somebody used within `idle`, by who opened them.
    func sessions(idle: Seconds) async throws -> [SessionTally]
}

/// Tells a person what is going on while they wait. Never gets a secret.
package protocol Progress: Sendable {
    func step(_ text: String)
    /// A line that replaces the last one of its kind on a terminal.
    func detail(_ text: String)
    /// What one of many hosts is at; nil = it is done. On a terminal each has a row.
    func host(_ name: String, at work: String?)
}

extension Progress {
    package func host(_ name: String, at work: String?) { if let work { detail("\(name): \(work)") } }
}
