import CMongoC
import Fleet
import Foundation

/// One connection, for one job on one thread. Closed at the end of `use`: nothing stays behind.
struct MongoConnection: ~Copyable {
    /// Whom to log in as instead of the connection string's own user.
    struct Login: Sendable {
        var user: String
        var password: Secret
        var source: String
    }

    private let handle: OpaquePointer
    private let deadline: ContinuousClock.Instant
    private let secrets: [String]
    let hosts: String
    let user: String

    var place: String { user.isEmpty ? hosts : "\(hosts) as \(user)" }

    /// Opens, does the job on a thread of its own, closes. `task` completes "cannot ..."; every fault
    /// becomes a `Failure` that names host and user. `secrets` are kept out of its text, and so are
    /// the connection string and its password.
    static func use<Value: Sendable>(
        _ uri: Secret, login: Login? = nil, timeouts: MongoTimeouts, task: String, secrets: [Secret] = [],
        words: @escaping MongoFault.Words = { $0.failure(task: $1, place: $2) },
        _ job: @escaping @Sendable (borrowing MongoConnection) throws -> Value
    ) async throws -> Value {
        try await onOwnThread {
            var place = ""
            do {
                let connection = try MongoConnection(uri, login: login, timeouts: timeouts, secrets: secrets)
                place = connection.place
                return try job(connection)
            } catch let fault as MongoFault {
                throw words(fault, task, place)
            }
        }
    }

    private init(_ uri: Secret, login: Login?, timeouts: MongoTimeouts, secrets: [Secret]) throws {
        var fault = convoy_mongo_fault()
        let limits = convoy_mongo_timeouts(
            selection_ms: timeouts.selection.milliseconds, connect_ms: timeouts.connect.milliseconds,
            socket_ms: timeouts.answer.milliseconds)
        let opened = Self.withLogin(login) { convoy_mongo_open(uri.reveal(), $0, limits, &fault) }
        guard let opened else { throw MongoFault(fault, hiding: [uri.reveal()]) }
        handle = opened
        deadline = .now + timeouts.total.duration
        hosts = String(cString: convoy_mongo_hosts(opened))
        user = String(cString: convoy_mongo_user(opened))
        let own = [uri.reveal(), String(cString: convoy_mongo_password(opened))]
        self.secrets = (own + secrets.map { $0.reveal() }).filter { !$0.isEmpty }
    }

    deinit { convoy_mongo_close(handle) }

    /// Runs a command on the primary. Throws a `MongoFault`.
    @discardableResult
    func run<Reply: Decodable>(
        _ command: CommandDocument, on database: String, as type: Reply.Type = NoReply.self
    ) throws -> Reply {
        guard ContinuousClock.now < deadline else {
            throw MongoFault(kind: .unreachable, code: 0, message: "the database was too slow: out of time")
        }
        var fault = convoy_mongo_fault()
        guard let text = convoy_mongo_run(handle, database, command.json, &fault) else {
            throw MongoFault(fault, hiding: secrets)
        }
        defer { convoy_mongo_free(text) }
        do {
            return try JSONDecoder().decode(type, from: Data(String(cString: text).utf8))
        } catch {
            throw MongoFault(kind: .badDocument, code: 0, message: "the database's reply has an unknown shape")
        }
    }

    static func freshID() -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 25) { digits in
            guard let start = digits.baseAddress else { return "" }
            convoy_mongo_fresh_id(start)
            return String(cString: start)
        }
    }

    private static func withLogin<Value>(_ login: Login?, _ body: (convoy_mongo_login) -> Value) -> Value {
        guard let login else { return body(convoy_mongo_login()) }
        return login.user.withCString { user in
            login.password.reveal().withCString { password in
                login.source.withCString { source in
                    body(convoy_mongo_login(user: user, password: password, source: source))
                }
            }
        }
    }
}

/// For commands whose reply says nothing more than that they succeeded.
struct NoReply: Decodable {}

extension MongoFault {
    fileprivate init(_ fault: convoy_mongo_fault, hiding secrets: [String]) {
        kind =
            switch fault.kind {
            case CONVOY_MONGO_BAD_URI: .badURI
            case CONVOY_MONGO_LOGIN_REFUSED: .loginRefused
            case CONVOY_MONGO_SERVER_ERROR: .server
            case CONVOY_MONGO_BAD_DOCUMENT: .badDocument
            default: .unreachable
            }
        code = Int(fault.code)
        let text = withUnsafeBytes(of: fault.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        // A server may quote the command it refuses, and commands may carry passwords.
        message = secrets.reduce(text) { $0.replacing($1, with: "<redacted>") }
    }
}

extension Seconds {
    fileprivate var milliseconds: Int32 { Int32(clamping: Int64(max(1, (value * 1000).rounded()))) }
}
