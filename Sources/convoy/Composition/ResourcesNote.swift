import Fleet

/// What is said where a promise of the spec can't be kept by this host's backend.
enum ResourcesNote {
    /// The kernel's limits of a process are no substitute: RLIMIT_AS counts what a runtime merely reserves (Node
    /// and Go die of it at once), RLIMIT_NPROC counts a user, not a server.
    static func text(_ spec: FleetSpec, _ backend: Backend) -> String? {
        let isAsked = spec.server.resources != nil || spec.pools.contains { $0.resources != nil }
        let promises = [isAsked ? "resources" : nil, spec.database?.sharedWith == nil ? nil : "database/sharedWith"]
        let unkept = promises.compactMap(\.self).joined(separator: " and ")
        guard !unkept.isEmpty, backend == .direct else { return nil }
        return "note: \(unkept): kept only where systemd runs the instances; the direct backend here keeps none"
    }
}
