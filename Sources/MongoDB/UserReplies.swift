import Fleet

/// What the server answers about users and roles, as far as Convoy reads it.
struct RoleName: Decodable {
    var role: String
    var db: String

    var grant: DatabaseGrant { DatabaseGrant(database: db, role: role) }
}

struct UsersInfoReply: Decodable {
    struct User: Decodable {
        var user: String
        var roles: [RoleName]
    }

    var users: [User]
}

/// The reply to a change: carried out, but maybe not on a majority.
struct ChangeReply: Decodable {
    struct Concern: Decodable { var errmsg: String? }

    var writeConcernError: Concern?
}
