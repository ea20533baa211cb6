extension FleetParser {
    func pools(_ node: SourceNode, profile: Profile?) -> [PoolSpec]? {
        guard let entries = reader.entries(node) else { return nil }
        guard !entries.isEmpty else {
            reader.report(node, "there is no pool", "add at least one")
            return nil
        }
        var owners: [String: String] = [:]
        let pools = entries.map { entry -> PoolSpec? in
            let named = reader.holds(at: entry) { () throws(Problem) in try NameRule.check(entry.key, kind: "pool") }
            guard let pool = pool(entry, profile: profile) else { return nil }
            if let owner = owners[pool.scope] {
                reader.report(
                    entry.location, "\(entry.value.path)/scope",
                    Problem(
                        "the pool \(owner) has the same scope \(pool.scope.quoted)",
                        "give each pool its own: a token for one would open the other"))
            }
            owners[pool.scope] = entry.key
            return named ? pool : nil
        }
        return pools.contains(nil) ? nil : pools.compactMap(\.self)
    }

    private func pool(_ entry: SourceNode.Entry, profile: Profile?) -> PoolSpec? {
        let required = ["replicas", "scope"] + (profile?.needsDatabase == true ? ["databases"] : [])
        let known = ["replicas", "databases", "scope", "tools", "legacyTools", "clients", "limits", "resources"]
        guard let section = reader.section(entry.value, known: known, required: required) else { return nil }
        let replicas = section["replicas"].flatMap { reader.integer($0, in: 1...64) }
        let databases = section["databases"].map { self.databases($0, profile: profile) } ?? []
        let scope = section["scope"].flatMap { node -> String? in
            guard let text = reader.text(node) else { return nil }
            return reader.attempt(node) { () throws(Problem) in
                try ScopeRule.check(text)
                return text
            }
        }
        let rules = PoolRulesReader(reader: reader).read(section)
        let resources = section["resources"].flatMap { ResourcesReader(reader: reader).read($0) }
        guard let replicas, let databases, let scope else { return nil }
        return PoolSpec(
            name: entry.key, replicas: replicas, databases: databases, scope: scope, tools: rules.tools,
            clients: rules.clients, limits: rules.limits, resources: resources)
    }

    private func databases(_ node: SourceNode, profile: Profile?) -> [DatabaseGrant]? {
        guard let entries = reader.entries(node) else { return nil }
        if let profile, !profile.needsDatabase {
            reader.report(node, "are not used: the profile \(profile.name) needs no database", "remove the key")
            return nil
        }
        guard !entries.isEmpty else {
            reader.report(node, "there is no database", "add at least one, such as {shop: read}")
            return nil
        }
        let grants = entries.map { entry -> DatabaseGrant? in
            let named = reader.holds(at: entry) { () throws(Problem) in try DatabaseRule.check(database: entry.key) }
            guard let role = reader.text(entry.value) else { return nil }
            let grant = reader.attempt(entry.value) { () throws(Problem) in
                try DatabaseRule.check(role: role)
                return DatabaseGrant(database: entry.key, role: role)
            }
            return named ? grant : nil
        }
        return grants.contains(nil) ? nil : grants.compactMap(\.self)
    }
}
