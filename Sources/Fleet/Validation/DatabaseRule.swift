/// What a pool's `databases` may hold: databases of the user's, and roles that only read.
package enum DatabaseRule {
    package static let system: Set<String> = ["admin", "config", "local"]

    package static func check(database name: String) throws(Problem) {
        guard !name.isEmpty else { throw Problem("a database has an empty name", "name the database") }
        guard !system.contains(name.lowercased()) else {
            throw Problem(
                "\(name.quoted) is one of MongoDB's own databases",
                "remove it: it holds users or the oplog, which no instance may read")
        }
        guard name.utf8.count <= 63 else { throw Problem("\(name.quoted) is longer than 63 bytes", "shorten it") }
        guard name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f && !$0.isOne(of: "/\\. \"$*<>:|?") }) else {
            throw Problem("\(name.quoted) can't name a database", "leave out spaces and / \\ . \" $ * < > : | ?")
        }
    }

    /// Built-in roles other than `read`, and why each is refused.
    private static let refused: [String: String] = {
        var reasons: [String: String] = [:]
        for role in [
            "readWrite", "readWriteAnyDatabase", "dbOwner", "root", "__system", "restore", "backup",
            "dbAdminAnyDatabase", "dbAdmin",
        ] {
            reasons[role] = "can write"
        }
        for role in ["userAdmin", "userAdminAnyDatabase"] { reasons[role] = "can give itself any right" }
        for role in [
            "clusterAdmin", "clusterManager", "clusterMonitor", "hostManager", "enableSharding",
            "directShardOperations",
        ] {
            reasons[role] = "is for running the cluster, not for reading data"
        }
        reasons["readAnyDatabase"] = "reads every database"
        return reasons
    }()

    package static func check(role: String) throws(Problem) {
        if role == "read" { return }
        let all = Array(refused.keys) + ["read"]
        if let reason = refused[role] {
            throw Problem("the role \(role) \(reason)", "use read, or a custom role that only reads")
        }
        if let meant = all.first(where: { $0.lowercased() == role.lowercased() }) {
            throw Problem(
                "\(role.quoted) is no role, did you mean \(meant)?", "use read, or a custom role that only reads")
        }
        guard role.utf8.count <= 64, role.wholeMatch(of: #/[A-Za-z_][A-Za-z0-9_.-]*/#) != nil else {
            throw Problem(
                "\(role.quoted) can't name a role", "use read, or a custom role of letters, digits, dots, dashes and _")
        }
    }
}
