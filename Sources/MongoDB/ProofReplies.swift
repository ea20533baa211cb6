import Fleet

struct ConnectionStatusReply: Decodable {
    struct User: Decodable {
        var user: String
        var db: String
    }

    struct AuthInfo: Decodable {
        var authenticatedUsers: [User]
        var authenticatedUserRoles: [RoleName]
        var authenticatedUserPrivileges: [PrivilegeReply]?
    }

    var authInfo: AuthInfo
}

struct PrivilegeReply: Decodable {
    struct Resource: Decodable {
        var db: String?
        var collection: String?
        var cluster: Bool?
        var anyResource: Bool?
        var systemBuckets: String?

        private enum CodingKeys: String, CodingKey {
            case db, collection, cluster, anyResource
            case systemBuckets = "system_buckets"
        }

        /// As the judge reads it. A kind that is not known reads as no resource anybody was granted.
        var text: String {
            if anyResource == true { return "any" }
            if cluster == true { return "cluster" }
            let place = db.map { $0.isEmpty ? "*" : $0 }
            if let systemBuckets {
                return "\(place ?? "*").system.buckets.\(systemBuckets.isEmpty ? "*" : systemBuckets)"
            }
            guard let place, let collection else { return "unrecognised" }
            return "\(place).\(collection.isEmpty ? "*" : collection)"
        }
    }

    var resource: Resource
    var actions: [String]

    var privilege: ProofEvidence.Privilege { .init(resource: resource.text, actions: actions) }
}

struct RolesInfoReply: Decodable {
    struct Role: Decodable {
        /// Absent unless the server was willing to show them.
        var privileges: [PrivilegeReply]?
        var inheritedPrivileges: [PrivilegeReply]?
        var roles: [RoleName]?
        var inheritedRoles: [RoleName]?

        /// Nil when the server did not spell the role out.
        var customRole: ProofEvidence.CustomRole? {
            guard let privileges, let roles else { return nil }
            let all = privileges + (inheritedPrivileges ?? [])
            let inherited = Set((roles + (inheritedRoles ?? [])).map(\.grant))
            return ProofEvidence.CustomRole(
                privileges: Array(Set(all.map(\.privilege))).sorted { $0.resource < $1.resource },
                inherited: inherited.sorted { ($0.database, $0.role) < ($1.database, $1.role) })
        }
    }

    var roles: [Role]
}

struct WriteReply: Decodable {
    struct WriteError: Decodable { var code: Int }

    var writeErrors: [WriteError]?
}
