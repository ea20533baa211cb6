import Fleet
import Templates

/// Turns a plan into rules for `nft -f`. Equal plans give equal bytes.
package enum FirewallRenderer {
    package static let file = "convoy.nft"
    /// What systemd gives to users that exist while a unit runs.
    private static let dynamicUsers = "61184-65519"

    private struct Context {
        let fleet: String
        let wish: String
        /// Absent when only this machine can reach the edge anyway.
        let edgePort: Int?
        let hasInstances: Bool
        let instancePorts: String
        let edgeUser: UInt32
        let database: Database?
    }

    private struct Database {
        let ports: String
        let users: String
    }

    /// Throws a `Failure` (`badSpec`) when ports are wrong or clash, or when the template is broken.
    package static func render(_ plan: FirewallPlan, template: String? = nil) throws -> RenderedFile {
        let name = "nftables/convoy.nft.mustache"
        let text = template ?? Templates.all[name] ?? ""
        return RenderedFile(path: file, content: try TextTemplate(name: name, text: text).render(context(plan)))
    }

    private static func context(_ plan: FirewallPlan) throws -> Context {
        let edge = try checked(plan.edge.port, "edge/listen")
        let ports = try plan.instancePorts.map { try checked($0, "instance port") }
        let database = try plan.database.map { database in
            Database(
                ports: list(try database.ports.map { try checked($0, "database port") }),
                users: (Set(database.users + [0]).sorted().map(String.init) + [dynamicUsers]).joined(separator: ", "))
        }
        // The edge's port must never be closed by a rule for others.
        let others = ports + (plan.database?.ports ?? [])
        guard !others.contains(edge) else { throw refused("edge/listen", edge, "belongs to an instance or database") }
        guard plan.database?.ports.isEmpty != true else { throw refused("database port", 0, "there is none") }
        guard !ports.contains(where: { plan.database?.ports.contains($0) == true }) else {
            throw refused("database port", plan.database?.ports.first ?? 0, "belongs to an instance too")
        }
        return Context(
            fleet: try SystemdText("fleet").name(plan.fleet), wish: plan.wish.hex,
            edgePort: isLocal(plan.edge.address) ? nil : edge, hasInstances: !ports.isEmpty,
            instancePorts: list(ports), edgeUser: plan.edgeUser, database: database)
    }

    private static func list(_ ports: [Int]) -> String {
        Set(ports).sorted().map(String.init).joined(separator: ", ")
    }

    private static func isLocal(_ address: String) -> Bool { address.hasPrefix("127.") || address == "::1" }

    private static func checked(_ port: Int, _ subject: String) throws -> Int {
        guard (1...65535).contains(port) else { throw refused(subject, port, "not a port (1...65535)") }
        return port
    }

    private static func refused(_ subject: String, _ port: Int, _ why: String) -> Failure {
        Failure(
            .badSpec, "cannot render the firewall", because: "\(subject): \(port): \(why)",
            next: "correct the value in fleet.yaml; `convoy validate` shows where")
    }
}
