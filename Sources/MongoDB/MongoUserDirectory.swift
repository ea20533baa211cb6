import Fleet
import Planning
import Ports

/// Manages instance users by `createUser`, `updateUser`, `dropUser` and `usersInfo`. All of them live
/// in database `admin`, whatever the admin's own authSource is: a user there can hold roles on any
/// database, and its name is the whole of its identity.
package struct MongoUserDirectory: UserDirectory {
    private let adminURI: Secret
    private let timeouts: MongoTimeouts
    private static let database = ProofJudge.userDatabase

    package init(adminURI: Secret, timeouts: MongoTimeouts = MongoTimeouts()) {
        self.adminURI = adminURI
        self.timeouts = timeouts
    }

    package func ensure(_ name: String, password: Secret, grants: [DatabaseGrant]) async throws -> UserChange {
        // Asked first and over a connection of its own: the admin's can't log in a second user.
        if try await holdsExactly(name, grants: grants), try await canLogIn(name, password: password) {
            return .unchanged
        }
        return try await asAdmin("create or correct user \(name)", hiding: [password]) { connection in
            // Somebody else may create or remove the same user meanwhile; whoever comes last corrects.
            for _ in 1...3 {
                if try Self.update(name, password: password, grants: grants, connection) { return .corrected }
                if try Self.create(name, password: password, grants: grants, connection) { return .created }
            }
            throw MongoFault(
                kind: .unreachable, code: 0, message: "somebody else keeps creating and removing that user")
        }
    }

    package func holdsExactly(_ name: String, grants: [DatabaseGrant]) async throws -> Bool {
        try await asAdmin("look up user \(name)") { connection in
            let query: CommandValue = ["user": .string(name), "db": .string(Self.database)]
            let users = try connection.run(["usersInfo": query], on: Self.database, as: UsersInfoReply.self).users
            guard let user = users.first else { return false }
            return Set(user.roles.map(\.grant)) == Set(grants)
        }
    }

    package func restrict(_ name: String, to grants: [DatabaseGrant]) async throws -> Bool {
        try await asAdmin("correct the roles of user \(name)") { connection in
            do {
                try Self.change(["updateUser": .string(name), "roles": Self.roles(grants)], connection)
                return true
            } catch let fault as MongoFault where fault.isServerError(MongoFault.userNotFound) {
                return false
            }
        }
    }

    package func remove(_ name: String) async throws {
        try await asAdmin("remove user \(name)") { connection in
            do {
                try Self.change(["dropUser": .string(name)], connection)
            } catch let fault as MongoFault where fault.isServerError(MongoFault.userNotFound) {
                return
            }
        }
    }

    package func list(prefix: String) async throws -> [String] {
        try await asAdmin("list users") { connection in
            let users = try connection.run(["usersInfo": 1], on: Self.database, as: UsersInfoReply.self).users
            return users.map(\.user).filter { $0.hasPrefix(prefix) }.sorted()
        }
    }

    package func holdings(prefix: String, databases: [String]) async throws -> [UserHolding] {
        try await asAdmin("list users and their roles") { connection in
            // One by one: `forAllDBs` is not known to every server that speaks this protocol.
            try Set(databases + [Self.database]).sorted().flatMap { database in
                try connection.run(["usersInfo": 1], on: database, as: UsersInfoReply.self).users
                    .filter { $0.user.hasPrefix(prefix) }
                    .map { UserHolding(name: $0.user, database: database, grants: $0.roles.map(\.grant)) }
            }
        }
    }

    private func canLogIn(_ name: String, password: Secret) async throws -> Bool {
        try await asAdmin(
            "log in as user \(name)", login: .init(user: name, password: password, source: Self.database),
            hiding: [password]
        ) { connection in
            do {
                try connection.run(["ping": 1], on: Self.database)
                return true
            } catch let fault as MongoFault where fault.kind == .loginRefused {
                return false
            }
        }
    }

    /// False when there is no such user.
    private static func update(
        _ name: String, password: Secret, grants: [DatabaseGrant], _ connection: borrowing MongoConnection
    ) throws -> Bool {
        do {
            try change(wish("updateUser", name, password, grants), connection)
            return true
        } catch let fault as MongoFault where fault.isServerError(MongoFault.userNotFound) {
            return false
        }
    }

    /// False when there is such a user already.
    private static func create(
        _ name: String, password: Secret, grants: [DatabaseGrant], _ connection: borrowing MongoConnection
    ) throws -> Bool {
        do {
            try change(wish("createUser", name, password, grants), connection)
            return true
        } catch let fault as MongoFault where fault.isServerError(MongoFault.duplicateUser) {
            return false
        }
    }

    private static func wish(
        _ command: String, _ name: String, _ password: Secret, _ grants: [DatabaseGrant]
    ) -> CommandDocument {
        var document: CommandDocument = [:]
        document.append(command, .string(name))
        document.append("pwd", .string(password.reveal()))
        document.append("roles", roles(grants))
        document.append("mechanisms", ["SCRAM-SHA-256"])
        return document
    }

    private static func roles(_ grants: [DatabaseGrant]) -> CommandValue {
        .array(grants.map { ["role": .string($0.role), "db": .string($0.database)] })
    }

    /// Waits for a majority: an instance may read from another member, and a failover must not bring
    /// an old role back.
    private static func change(_ command: CommandDocument, _ connection: borrowing MongoConnection) throws {
        var durable = command
        durable.append("writeConcern", ["w": "majority", "wtimeout": 4000])
        let reply = try connection.run(durable, on: database, as: ChangeReply.self)
        if reply.writeConcernError != nil {
            throw MongoFault(
                kind: .unreachable, code: 0, message: "it was done, but no majority of the members confirmed it")
        }
    }

    private func asAdmin<Value: Sendable>(
        _ task: String, login: MongoConnection.Login? = nil, hiding secrets: [Secret] = [],
        _ job: @escaping @Sendable (borrowing MongoConnection) throws -> Value
    ) async throws -> Value {
        try await MongoConnection.use(
            adminURI, login: login, timeouts: timeouts, task: task, secrets: secrets, job)
    }
}
