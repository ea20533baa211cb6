import Fleet
import Planning
import Ports

/// The port's behaviour without a database.
actor InMemoryUserDirectory: UserDirectory {
    private struct User {
        var password: Secret
        var grants: Set<DatabaseGrant>
    }

    private var users: [String: User] = [:]

    func ensure(_ name: String, password: Secret, grants: [DatabaseGrant]) async throws -> UserChange {
        let wish = User(password: password, grants: Set(grants))
        guard let user = users.updateValue(wish, forKey: name) else { return .created }
        return user.password == wish.password && user.grants == wish.grants ? .unchanged : .corrected
    }

    func holdsExactly(_ name: String, grants: [DatabaseGrant]) async throws -> Bool {
        users[name]?.grants == Set(grants)
    }

    func restrict(_ name: String, to grants: [DatabaseGrant]) async throws -> Bool {
        guard users[name] != nil else { return false }
        users[name]?.grants = Set(grants)
        return true
    }

    func remove(_ name: String) async throws { users[name] = nil }

    func list(prefix: String) async throws -> [String] {
        users.keys.filter { $0.hasPrefix(prefix) }.sorted()
    }

    func holdings(prefix: String, databases: [String]) async throws -> [UserHolding] {
        try await list(prefix: prefix).map { name in
            UserHolding(name: name, database: "admin", grants: Array(users[name]?.grants ?? []))
        }
    }
}
