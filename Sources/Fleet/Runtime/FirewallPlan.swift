/// All that the host's firewall rules depend on. Equal plans render equal bytes.
package struct FirewallPlan: Sendable, Equatable, Codable {
    package var fleet: String
    package var edge: EdgeSpec.Listen
    /// Ports of instances, of both colours, with those for monitoring.
    package var instancePorts: [Int]
    /// The user that the edge runs as. By number: rules are loaded before names can be looked up.
    package var edgeUser: UInt32
    /// Only for a database on this host that `database/sharedWith` closes.
    package var database: Database?
    package var wish: Digest

    package struct Database: Sendable, Equatable, Codable {
        package var ports: [Int]
        /// Who else connects to it: its own user, whoever backs it up.
        package var users: [UInt32]

        package init(ports: [Int], users: [UInt32] = []) {
            self.ports = ports
            self.users = users
        }
    }

    package init(
        fleet: String, edge: EdgeSpec.Listen, instancePorts: [Int], edgeUser: UInt32, database: Database? = nil,
        wish: Digest
    ) {
        self.fleet = fleet
        self.edge = edge
        self.instancePorts = instancePorts
        self.edgeUser = edgeUser
        self.database = database
        self.wish = wish
    }
}

extension FirewallPlan {
    /// Ports of both colours, so that a rollout changes no rule. The database's only where `fleet.yaml` says with whom
    /// it is shared: who else on this machine may use it is not Convoy's to guess.
    /// - Parameter databaseUsers: who may reach it beside the fleet; not asked otherwise.
    package init(_ plan: GenerationPlan, edgeUser: UInt32, databaseUsers: [UInt32]) {
        let ports = plan.instances.flatMap {
            [$0.port, $0.siblingPort, $0.monitoringPort, $0.siblingMonitoringPort].compactMap(\.self)
        }
        let closed = plan.origin.spec.database.flatMap { $0.sharedWith == nil ? nil : $0.loopbackPorts }
        self.init(
            fleet: plan.fleet, edge: plan.edge.listen, instancePorts: Set(ports).sorted(), edgeUser: edgeUser,
            database: closed.map { Database(ports: $0, users: databaseUsers) }, wish: plan.wish)
    }
}
