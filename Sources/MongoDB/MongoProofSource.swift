import Fleet
import Planning
import Ports

/// Gathers evidence over a fresh connection of the instance user itself, and closes it. Asks the
/// primary, whatever the connection string prefers: only there are roles current and writes decided.
package struct MongoProofSource: ProofSource {
    private let timeouts: MongoTimeouts
    /// More custom roles than this are not followed; what is left out is not proved.
    private static let mostRoles = 64

    package init(timeouts: MongoTimeouts = MongoTimeouts()) { self.timeouts = timeouts }

    package func evidence(uri: Secret, grants: [DatabaseGrant]) async throws -> ProofEvidence {
        try await MongoConnection.use(uri, timeouts: timeouts, task: "ask for the rights of a database user") {
            try Self.evidence(grants: grants, $0)
        }
    }

    private static func evidence(
        grants: [DatabaseGrant], _ connection: borrowing MongoConnection
    ) throws -> ProofEvidence {
        let status = try connection.run(
            ["connectionStatus": 1, "showPrivileges": true], on: "admin", as: ConnectionStatusReply.self
        ).authInfo
        let roles = status.authenticatedUserRoles.map(\.grant)
        let customRoles = try spellOut(roles, connection)
        let privileges = status.authenticatedUserPrivileges ?? []
        return ProofEvidence(
            authenticatedAs: status.authenticatedUsers.map { "\($0.db).\($0.user)" }, roles: roles,
            privileges: privileges.isEmpty ? nil : privileges.map(\.privilege), customRoles: customRoles,
            writeAttempts: attempts(Set(grants.map(\.database)), customRoles, connection))
    }

    private static func spellOut(
        _ roles: [DatabaseGrant], _ connection: borrowing MongoConnection
    ) throws -> [DatabaseGrant: ProofEvidence.CustomRole] {
        var found: [DatabaseGrant: ProofEvidence.CustomRole] = [:]
        var asked: Set<DatabaseGrant> = []
        var waiting = roles
        while let role = waiting.popLast(), asked.count < mostRoles {
            guard BuiltInRole(role) == nil, asked.insert(role).inserted else { continue }
            guard let custom = try spellOut(role, connection) else { continue }
            found[role] = custom
            waiting += custom.inherited
        }
        return found
    }

    /// Nil when the server refuses to show the role, or does not know it.
    private static func spellOut(
        _ role: DatabaseGrant, _ connection: borrowing MongoConnection
    ) throws -> ProofEvidence.CustomRole? {
        do {
            let name: CommandValue = ["role": .string(role.role), "db": .string(role.database)]
            let reply = try connection.run(
                ["rolesInfo": name, "showPrivileges": true], on: role.database, as: RolesInfoReply.self)
            return reply.roles.count == 1 ? reply.roles[0].customRole : nil
        } catch let fault as MongoFault where fault.kind == .server || fault.kind == .badDocument {
            return nil
        }
    }

    /// On a collection that can't exist, and on each one that a custom role names: rights on that one
    /// alone would not show anywhere else.
    private static func attempts(
        _ databases: Set<String>, _ customRoles: [DatabaseGrant: ProofEvidence.CustomRole],
        _ connection: borrowing MongoConnection
    ) -> [ProofEvidence.WriteAttempt] {
        let named = Set(customRoles.values.flatMap { $0.privileges.map(\.resource) }).sorted()
        var attempts: [ProofEvidence.WriteAttempt] = []
        for database in databases.sorted() {
            let collections = named.compactMap { collection(in: $0, of: database) }
            for collection in ["convoy_proof_\(MongoConnection.freshID())"] + collections {
                attempts += self.attempts(WriteProbe.kinds, on: database, collection, connection)
            }
        }
        return attempts
    }

    /// Stops at the first that is allowed: that refutes the user, whatever the rest would say.
    private static func attempts(
        _ kinds: [ProofEvidence.WriteAttempt.Kind], on database: String, _ collection: String,
        _ connection: borrowing MongoConnection
    ) -> [ProofEvidence.WriteAttempt] {
        var attempts: [ProofEvidence.WriteAttempt] = []
        for kind in kinds {
            let attempt = WriteProbe(kind: kind, collection: collection).attempt(on: database, connection)
            attempts.append(attempt)
            if attempt.outcome == .allowed { break }
        }
        return attempts
    }

    private static func collection(in resource: String, of database: String) -> String? {
        guard resource.hasPrefix(database + ".") else { return nil }
        let name = String(resource.dropFirst(database.count + 1))
        return name == "*" || name.hasPrefix("system.") ? nil : name
    }
}
