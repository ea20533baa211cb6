/// What each instance may take of its host; kept where systemd runs it. Absent values: see each.
package struct ResourcesSpec: Sendable, Hashable, Codable {
    /// Bytes, the hard bound: beyond them it is killed and started again. Absent: all that the host has.
    package var memory: Int?
    /// Processes and threads. Absent: 512.
    package var tasks: Int?
    /// Percent of one CPU: 200 are two whole ones. Absent: no bound.
    package var cpu: Int?

    package init(memory: Int? = nil, tasks: Int? = nil, cpu: Int? = nil) {
        self.memory = memory
        self.tasks = tasks
        self.cpu = cpu
    }

    /// What is not said here is as it is there.
    package func filled(from other: ResourcesSpec?) -> ResourcesSpec {
        ResourcesSpec(memory: memory ?? other?.memory, tasks: tasks ?? other?.tasks, cpu: cpu ?? other?.cpu)
    }

    package static let memoryRange = (16 << 20)...1_000_000_000_000
    package static let taskRange = 4...100_000
    package static let cpuRange = 1...100_000
}

extension FleetSpec {
    /// The pool's own, completed by the server's; nil when neither says anything, or the pool is unknown.
    package func resources(of pool: String) -> ResourcesSpec? {
        guard let pool = pools.first(where: { $0.name == pool }) else { return server.resources }
        return pool.resources?.filled(from: server.resources) ?? server.resources
    }
}
