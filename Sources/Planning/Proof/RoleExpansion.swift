import Fleet

/// Follows roles down to what they allow: built-in ones by what the server defines, custom ones only
/// as far as the server spelt them out, with everything they inherit.
struct RoleExpansion {
    /// What the expanded roles may read.
    struct Reach {
        private(set) var databases: Set<String> = []
        private(set) var resources: Set<String> = []
        private(set) var anyDatabase = false

        func covers(_ resource: String) -> Bool {
            if resources.contains(resource) { return true }
            guard let database = Self.database(of: resource) else { return resource == "cluster" && anyDatabase }
            return anyDatabase || databases.contains(database)
        }

        /// Nil for `cluster` and `any`. A database's name holds no dot.
        static func database(of resource: String) -> String? {
            guard let dot = resource.firstIndex(of: ".") else { return nil }
            return String(resource[..<dot])
        }

        mutating func add(database: String) { databases.insert(database) }
        mutating func add(resource: String) { resources.insert(resource) }
        mutating func addAnyDatabase() { anyDatabase = true }
    }

    let customRoles: [DatabaseGrant: ProofEvidence.CustomRole]
    private(set) var findings: [ProofFinding] = []
    private(set) var reach = Reach()
    /// Every role met so far, granted or inherited.
    private(set) var seen: Set<DatabaseGrant> = []

    init(customRoles: [DatabaseGrant: ProofEvidence.CustomRole]) { self.customRoles = customRoles }

    mutating func expand(_ role: DatabaseGrant) {
        guard seen.insert(role).inserted else { return }
        let name = "role \(role.role) on \(role.database)"
        switch BuiltInRole(role) {
        case .reader(let database): reach.add(database: database)
        case .readsAnyDatabase: reach.addAnyDatabase()
        case .writes(let action): findings.append(.refuted("\(name) allows \(action)"))
        case .unlisted: findings.append(.unverified("\(name) is on no list of roles that only read"))
        case nil: expandCustom(role, name: name)
        }
    }

    private mutating func expandCustom(_ role: DatabaseGrant, name: String) {
        guard let custom = customRoles[role] else {
            findings.append(.unverified("\(name) is no built-in read role, and the server did not spell it out"))
            return
        }
        for privilege in custom.privileges {
            findings += ProofFinding.judge(privilege, holder: "the privileges of \(name)")
            if privilege.resource != "cluster", !Self.mayReach(privilege.resource, role) {
                findings.append(.refuted("\(name) reaches \(privilege.resource), outside its own database"))
            }
            reach.add(resource: privilege.resource)
        }
        for inherited in custom.inherited {
            if role.database != "admin", inherited.database != role.database {
                findings.append(.refuted("\(name) inherits role \(inherited.role) on \(inherited.database)"))
            }
            expand(inherited)
        }
    }

    /// The server confines a custom role to its own database, except those of `admin`, which must
    /// name their databases here: a wildcard is what `readAnyDatabase` is for.
    private static func mayReach(_ resource: String, _ role: DatabaseGrant) -> Bool {
        guard let database = Reach.database(of: resource) else { return false }
        return role.database == "admin" ? database != "*" : database == role.database
    }
}
