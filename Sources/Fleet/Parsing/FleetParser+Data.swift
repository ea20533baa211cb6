extension FleetParser {
    func database(_ node: SourceNode) -> DatabaseSpec? {
        guard let section = reader.section(node, known: ["uri", "admin", "sharedWith"], required: ["uri"]) else {
            return nil
        }
        let adminFile = section["admin"].flatMap(adminFile)
        let users = section["sharedWith"].flatMap(localUsers)
        guard let uriNode = section["uri"], let uri = reader.text(uriNode),
            reader.attempt(uriNode, { () throws(Problem) in try MongoURI(parsing: uri) }) != nil
        else { return nil }
        let database = DatabaseSpec(uri: uri, adminFile: adminFile, sharedWith: users)
        if let node = section["sharedWith"], users != nil, database.loopbackPorts.isEmpty {
            reader.report(
                node, "the database is on other hosts, and nothing here keeps anybody from it",
                "remove it, or name the database by 127.0.0.1 in uri where it is on this host")
        }
        return database
    }

    /// Sorted, so that their order makes no other wish.
    private func localUsers(_ node: SourceNode) -> [String]? {
        guard let items = reader.list(node) else { return nil }
        let names = items.compactMap { item -> String? in
            guard let text = reader.text(item) else { return nil }
            return reader.attempt(item) { () throws(Problem) in
                try HostRule.check(user: text)
                return text
            }
        }
        return names.count == items.count ? Set(names).sorted() : nil
    }

    func ledger(_ node: SourceNode) -> LedgerSpec? {
        secretFile(node, "ledger", holding: "the ledger's address").map(LedgerSpec.init)
    }

    private func adminFile(_ node: SourceNode) -> String? {
        secretFile(node, "admin", holding: "the admin's address")
    }

    private func secretFile(_ node: SourceNode, _ key: String, holding what: String) -> String? {
        if case .scalar(let text, _) = node.value, text.contains("://") {
            reader.report(node, "holds \(what) itself", "put it into a file and write \(key): {file: PATH}")
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
