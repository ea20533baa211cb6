/// What a database user's own connection shows about what that user may do. Raw findings; they are
/// judged by `ProofJudge`.
package struct ProofEvidence: Sendable, Equatable, Codable {
    /// `connectionStatus.authInfo.authenticatedUsers`, as `database.user`.
    package var authenticatedAs: [String]
    /// `connectionStatus.authInfo.authenticatedUserRoles`.
    package var roles: [DatabaseGrant]
    /// `authenticatedUserPrivileges`; nil when the server reported none at all. An empty list says
    /// nothing, and adapters report it as nil.
    package var privileges: [Privilege]?
    /// What `rolesInfo` (with privileges) spelt out, per role that is not built in.
    package var customRoles: [DatabaseGrant: CustomRole]
    /// One per write attempt that was made.
    package var writeAttempts: [WriteAttempt]

    package struct Privilege: Sendable, Hashable, Codable {
        /// `shop.orders`, `shop.*`, `cluster`, `any`: for people.
        package var resource: String
        package var actions: [String]

        package init(resource: String, actions: [String]) {
            self.resource = resource
            self.actions = actions
        }
    }

    package struct CustomRole: Sendable, Equatable, Codable {
        package var privileges: [Privilege]
        /// Every role it inherits, directly or not.
        package var inherited: [DatabaseGrant]

        package init(privileges: [Privilege], inherited: [DatabaseGrant]) {
            self.privileges = privileges
            self.inherited = inherited
        }
    }

    package struct WriteAttempt: Sendable, Hashable, Codable {
        package enum Kind: String, Sendable, Hashable, Codable, CaseIterable { case update, delete, merge }
        package enum Outcome: Sendable, Hashable, Codable {
            /// The server carried it out (it matched nothing and changed nothing).
            case allowed
            case refused(code: Int)
            case unknown(String)
        }

        package var kind: Kind
        package var database: String
        package var outcome: Outcome

        package init(kind: Kind, database: String, outcome: Outcome) {
            self.kind = kind
            self.database = database
            self.outcome = outcome
        }
    }

    package init(
        authenticatedAs: [String], roles: [DatabaseGrant], privileges: [Privilege]?,
        customRoles: [DatabaseGrant: CustomRole], writeAttempts: [WriteAttempt]
    ) {
        self.authenticatedAs = authenticatedAs
        self.roles = roles
        self.privileges = privileges
        self.customRoles = customRoles
        self.writeAttempts = writeAttempts
    }
}

/// Anything but `proved` is no proof, and no proof is no traffic.
package enum ProofVerdict: Sendable, Equatable, Codable {
    case proved
    /// The user can do more than read; says which privilege.
    case refuted(String)
    /// It could not be judged; says why.
    case unverified(String)

    package var isProved: Bool { self == .proved }
    package var reason: String {
        switch self {
        case .proved: ""
        case .refuted(let reason), .unverified(let reason): reason
        }
    }

    private enum Keys: String, CodingKey { case verdict, reason }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Keys.self)
        let reason = try container.decode(String.self, forKey: .reason)
        switch try container.decode(String.self, forKey: .verdict) {
        case "proved": self = .proved
        case "refuted": self = .refuted(reason)
        default: self = .unverified(reason)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        let word =
            switch self {
            case .proved: "proved"
            case .refuted: "refuted"
            case .unverified: "unverified"
            }
        try container.encode(word, forKey: .verdict)
        try container.encode(reason, forKey: .reason)
    }
}
