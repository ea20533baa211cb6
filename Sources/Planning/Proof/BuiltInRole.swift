import Fleet

/// The server's built-in roles, as far as they matter for a proof. A name is built in only on the
/// databases where the server defines it: `readAnyDatabase` on `shop` is somebody's custom role.
package enum BuiltInRole: Equatable {
    /// Reads one database.
    case reader(database: String)
    /// Reads every database but `local` and `config`.
    case readsAnyDatabase
    /// Can do more than read; `action` is the plainest example.
    case writes(action: String)
    /// Built in, but on no list of roles that only read: such as `clusterMonitor`, which sees other
    /// users' queries and may clear counters.
    case unlisted

    /// Nil when the role is not built in there.
    package init?(_ role: DatabaseGrant) {
        if role.role == "read" {
            self = .reader(database: role.database)
        } else if let action = Self.writersAnywhere[role.role] {
            self = .writes(action: action)
        } else if role.database == "admin", role.role == "readAnyDatabase" {
            self = .readsAnyDatabase
        } else if role.database == "admin", let action = Self.writersOnAdmin[role.role] {
            self = .writes(action: action)
        } else if role.database == "admin", Self.unlistedOnAdmin.contains(role.role) {
            self = .unlisted
        } else {
            return nil
        }
    }

    private static let writersAnywhere = [
        "readWrite": "insert", "dbAdmin": "dropCollection", "dbOwner": "insert", "userAdmin": "grantRole",
        "enableSharding": "enableSharding",
    ]

    private static let writersOnAdmin = [
        "__system": "anyAction", "atlasAdmin": "insert", "backup": "insert", "clusterAdmin": "shutdown",
        "clusterManager": "replSetConfigure", "dbAdminAnyDatabase": "dropCollection",
        "directShardOperations": "issueDirectShardOperations", "hostManager": "shutdown",
        "readWriteAnyDatabase": "insert", "restore": "insert", "root": "insert", "searchCoordinator": "insert",
        "userAdminAnyDatabase": "grantRole",
    ]

    private static let unlistedOnAdmin: Set<String> = ["__queryableBackup", "clusterMonitor"]
}
