import Fleet
import Ports

/// A host's own part of what an operator elsewhere has done: only what is this host's is written here.
package struct HostPlacing: Sendable {
    private let credentials: InstanceCredentials

    /// - Parameter plan: the host's slice; what it says of the database and the profile is what counts.
    package init(ports: OperatorPorts, layout: FleetLayout, plan: GenerationPlan) {
        let context = FleetContext(
            spec: plan.origin.spec, profile: plan.origin.profile, layout: layout, lockFile: "", adminFile: nil)
        credentials = InstanceCredentials(ports: ports, context: context)
    }

    package func place(_ plan: GenerationPlan, passwords: [String: Secret]) async throws {
        for instance in plan.instances { try await credentials.place(instance, password: passwords[instance.name]) }
    }

    /// - Parameter keeping: names of instances; what runs has to be among them.
    package static func sweep(keeping: Set<String>, files: any FileStore, layout: FleetLayout) throws {
        for name in try files.list(layout.instances) where !keeping.contains(name) {
            try files.remove(layout.instance(name))
            try files.remove(layout.privateInstance(name))
        }
    }
}
