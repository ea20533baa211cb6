import Fleet
import Planning
import Ports
import Synchronization

/// A database server with its users, which outlives whoever manages them.
final class FakeDatabase: Sendable {
    struct User: Equatable {
        var password: String
        var grants: Set<DatabaseGrant>
    }

    private let state = Mutex((users: [String: User](), isAway: false))

    var users: [String] { state.withLock { $0.users.keys.sorted() } }
    subscript(name: String) -> User? {
        get { state.withLock { $0.users[name] } }
        set { state.withLock { $0.users[name] = newValue } }
    }
    func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }
    var isAway: Bool { state.withLock(\.isAway) }
}

struct FakeUsers: UserDirectory {
    let database: FakeDatabase
    let fuse: Fuse

    func ensure(_ name: String, password: Secret, grants: [DatabaseGrant]) async throws -> UserChange {
        try fuse.pass()
        let wished = FakeDatabase.User(password: password.reveal(), grants: Set(grants))
        guard let before = database[name] else {
            database[name] = wished
            return .created
        }
        database[name] = wished
        return before == wished ? .unchanged : .corrected
    }
    func holdsExactly(_ name: String, grants: [DatabaseGrant]) async throws -> Bool {
        try fuse.pass()
        return database[name]?.grants == Set(grants)
    }
    func restrict(_ name: String, to grants: [DatabaseGrant]) async throws -> Bool {
        try fuse.pass()
        guard database[name] != nil else { return false }
        database[name]?.grants = Set(grants)
        return true
    }
    func remove(_ name: String) async throws {
        try fuse.pass()
        database[name] = nil
    }
    func list(prefix: String) async throws -> [String] {
        try fuse.pass()
        return database.users.filter { $0.hasPrefix(prefix) }
    }
    func holdings(prefix: String, databases: [String]) async throws -> [UserHolding] {
        try await list(prefix: prefix).map { name in
            let grants = (database[name]?.grants ?? []).sorted { ($0.database, $0.role) < ($1.database, $1.role) }
            return UserHolding(name: name, database: "admin", grants: grants)
        }
    }
}

/// Evidence from what the database really holds.
struct FakeProofs: ProofSource {
    let database: FakeDatabase

    func evidence(uri: Secret, grants: [DatabaseGrant]) async throws -> ProofEvidence {
        let parts = uri.reveal().split(whereSeparator: { ":/@".contains($0) }).map(String.init)
        guard !database.isAway, parts.count > 2, let user = database[parts[1]], user.password == parts[2] else {
            throw Failure(.unavailable, "cannot log in", because: "the database says no", next: "")
        }
        let attempts = Set(grants.map(\.database)).sorted().flatMap { database in
            ProofEvidence.WriteAttempt.Kind.allCases.map {
                ProofEvidence.WriteAttempt(kind: $0, database: database, outcome: .refused(code: 13))
            }
        }
        return ProofEvidence(
            authenticatedAs: ["admin." + parts[1]], roles: user.grants.sorted { $0.role < $1.role }, privileges: nil,
            customRoles: [:], writeAttempts: attempts)
    }

    static func uri(_ base: String, _ user: String, _ password: Secret) -> Secret {
        Secret("mongodb://\(user):\(password.reveal())@127.0.0.1:27017/")
    }
}

final class FakeSecrets: SecretSource {
    private let count = Mutex(0)

    func secret(bytes: Int) -> Secret {
        Secret(
            "hush"
                + count.withLock {
                    $0 += 1
                    return "\($0)"
                })
    }
}
