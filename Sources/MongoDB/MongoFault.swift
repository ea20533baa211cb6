import Fleet

/// Why a command did not succeed. `message` holds no secret.
struct MongoFault: Error, Equatable {
    /// What an operator reads of a fault, with the task and the place.
    typealias Words = @Sendable (MongoFault, _ task: String, _ place: String) -> Failure

    enum Kind: Equatable { case badURI, unreachable, loginRefused, server, badDocument }

    var kind: Kind
    /// The server's error code, for `server`.
    var code: Int
    var message: String

    static let unauthorized = 13
    static let userNotFound = 11
    static let roleNotFound = 31
    static let duplicateUser = 51003
    static let duplicateKey = 11000

    func isServerError(_ code: Int) -> Bool { kind == .server && self.code == code }

    /// The server, or all it needs, is away for now: no primary, shutting down, too slow.
    var isPassing: Bool { [50, 91, 189, 10107, 11600, 11602, 13435, 13436].contains(code) }

    /// What an operator reads. `place` is `HOSTS as USER`; it and `task` hold no secret.
    func failure(task: String, place: String) -> Failure {
        let what = "cannot \(task)" + (place.isEmpty ? "" : " at \(place)")
        switch kind {
        case .badURI:
            return Failure(
                .failed, what, because: message,
                next: "correct the connection string (it is not shown: it may hold a password)")
        case .unreachable:
            return Failure(
                .unavailable, what, because: message, next: "check that the database runs and can be reached from here")
        case .loginRefused:
            return Failure(
                .failed, what, because: "the database refused this user or its password",
                next: "check that the user exists and that its password is the one in its file")
        case .server where code == Self.unauthorized:
            return Failure(
                .failed, what, because: message, next: "give that user the rights for it, such as userAdminAnyDatabase")
        case .server where code == Self.roleNotFound:
            return Failure(
                .failed, what, because: message,
                next: "create the role in the database, or name another in the fleet file")
        case .server:
            return Failure(
                isPassing ? .unavailable : .failed, what, because: "\(message) (code \(code))",
                next: "look this code up in the database's log")
        case .badDocument:
            return Failure(.failed, what, because: message, next: "report this: it is no fault of the fleet file")
        }
    }
}
