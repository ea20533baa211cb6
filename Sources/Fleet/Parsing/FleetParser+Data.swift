extension FleetParser {
    func database(_ node: SourceNode) -> DatabaseSpec? {
        guard let section = reader.section(node, known: ["uri", "admin"], required: ["uri"]) else { return nil }
        let adminFile = section["admin"].flatMap(adminFile)
        guard let uriNode = section["uri"], let uri = reader.text(uriNode),
            reader.attempt(uriNode, { () throws(Problem) in try MongoURI(parsing: uri) }) != nil
        else { return nil }
        return DatabaseSpec(uri: uri, adminFile: adminFile)
    }

    private func adminFile(_ node: SourceNode) -> String? {
        if case .scalar(let text, _) = node.value, text.contains("://") {
            reader.report(node, "holds the admin's address itself", "put it into a file and write admin: {file: PATH}")
            return nil
        }
        guard let section = reader.section(node, known: ["file"], required: ["file"]), let file = section["file"]
        else { return nil }
        return path(file)
    }

    func path(_ node: SourceNode) -> String? {
        guard let text = reader.text(node) else { return nil }
        return reader.attempt(node) { () throws(Problem) in
            try PathRule.check(text)
            return text
        }
    }

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
        guard
            let section = reader.section(entry.value, known: ["replicas", "databases", "scope"], required: required)
        else { return nil }
        let replicas = section["replicas"].flatMap { reader.integer($0, in: 1...64) }
        let databases = section["databases"].map { self.databases($0, profile: profile) } ?? []
        let scope = section["scope"].flatMap { node -> String? in
            guard let text = reader.text(node) else { return nil }
            return reader.attempt(node) { () throws(Problem) in
                try ScopeRule.check(text)
                return text
            }
        }
        guard let replicas, let databases, let scope else { return nil }
        return PoolSpec(name: entry.key, replicas: replicas, databases: databases, scope: scope)
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

    func hosts(_ node: SourceNode) -> [HostSpec] {
        guard let entries = reader.entries(node) else { return [] }
        if entries.isEmpty { reader.report(node, "there is no host", "add one, or remove hosts for this machine only") }
        var owners: [String: String] = [:]
        return entries.compactMap { entry in
            _ = reader.holds(at: entry) { () throws(Problem) in try NameRule.check(entry.key, kind: "host") }
            guard let section = reader.section(entry.value, known: ["address", "ssh"], required: ["address"]) else {
                return nil
            }
            let ssh = section["ssh"].flatMap { node -> String? in
                guard let text = reader.text(node) else { return nil }
                _ = reader.attempt(node) { () throws(Problem) in try HostRule.check(ssh: text) }
                return text
            }
            guard let addressNode = section["address"], let address = reader.text(addressNode) else { return nil }
            _ = reader.attempt(addressNode) { () throws(Problem) in try HostRule.check(address: address) }
            if let owner = owners[address] {
                reader.report(addressNode, "the host \(owner) has the same address", "give each host its own")
            }
            owners[address] = entry.key
            return HostSpec(name: entry.key, address: address, ssh: ssh)
        }
    }
}
