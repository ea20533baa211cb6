extension FleetSpec {
    /// These of its hosts, in their order; without names: all. Throws a `Failure` (`usage`) when it has no such host.
    package func hosts(named names: [String]) throws -> [HostSpec] {
        let unknown = Set(names).subtracting(hosts.map(\.name)).sorted()
        guard unknown.isEmpty else {
            throw Failure(
                .usage, "cannot choose hosts", because: "there is no host \(unknown.joined(separator: ", "))",
                next: "choose from: \(hosts.map(\.name).joined(separator: ", "))")
        }
        return names.isEmpty ? hosts : hosts.filter { names.contains($0.name) }
    }
}
