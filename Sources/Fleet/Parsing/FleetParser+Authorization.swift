extension FleetParser {
    private static let issuerLimit = 16

    func authorization(_ node: SourceNode) -> EdgeSpec.Authorization? {
        switch node.value {
        case .scalar(let text, _) where !node.isEmptyValue:
            if text == "development" { return .development }
            reader.report(
                node, "\(text.quoted) is no kind of authorization",
                "write development, or {issuer: https://login.example.com, jwks: auto}")
            return nil
        case .list(let items): return issuers(items, at: node)
        default: return issuer(node).map { .issuers([$0]) }
        }
    }

    private func issuers(_ items: [SourceNode], at node: SourceNode) -> EdgeSpec.Authorization? {
        guard (1...Self.issuerLimit).contains(items.count) else {
            reader.report(
                node, items.isEmpty ? "there is no issuer" : "has \(items.count) issuers",
                items.isEmpty ? "add at least one" : "keep at most \(Self.issuerLimit)")
            return nil
        }
        var seen: Set<String> = []
        var introspects = false
        let issuers = items.map { item -> IssuerSpec? in
            guard let issuer = issuer(item) else { return nil }
            if !seen.insert(issuer.url).inserted {
                reader.report(item, "the issuer \(issuer.url.quoted) is there twice", "keep one of them")
            }
            if issuer.introspection != nil, introspects {
                reader.report(
                    item.location, item.path + "/introspection",
                    Problem(
                        "another issuer has it too, and an opaque token does not say which of them to ask",
                        "keep one: asking both would show each the other's tokens"))
            }
            introspects = introspects || issuer.introspection != nil
            return issuer
        }
        return issuers.contains(nil) ? nil : .issuers(issuers.compactMap(\.self))
    }

    private func issuer(_ node: SourceNode) -> IssuerSpec? {
        if case .scalar("development", _) = node.value {
            reader.report(
                node, "development tokens don't mix with an issuer's", "write authorization: development alone")
            return nil
        }
        var introspects = false
        if case .map(let entries) = node.value { introspects = entries.contains { $0.key == "introspection" } }
        guard
            let section = reader.section(
                node, known: ["issuer", "jwks", "algorithms", "audience", "scopeClaim", "introspection"],
                required: introspects ? ["issuer"] : ["issuer", "jwks"])
        else { return nil }
        let url = section["issuer"].flatMap { secureURL($0) }
        let keys = section["jwks"].map { keySource($0) }
        let algorithms = section["algorithms"].map { self.algorithms($0) } ?? TokenAlgorithm.allCases
        let audience = section["audience"].map { claimText($0, ClaimRule.checkAudience) }
        let scopeClaim = section["scopeClaim"].map { claimText($0, ClaimRule.checkName) }
        let introspection = section["introspection"].map { self.introspection($0) }
        if keys == nil, introspects, let unused = section["algorithms"] {
            reader.report(
                unused, "is not used: without jwks no signature is checked", "remove it, or add jwks")
        }
        // A key that is there but wrong was reported: a spec without it must not be the result.
        guard let url, keys != .some(nil), audience != .some(nil), scopeClaim != .some(nil),
            introspection != .some(nil), let algorithms, keys != nil || introspects
        else { return nil }
        return IssuerSpec(
            url: url, keys: keys ?? nil, algorithms: algorithms, audience: audience ?? nil,
            scopeClaim: scopeClaim ?? nil, introspection: introspection ?? nil)
    }

    private func keySource(_ node: SourceNode) -> EdgeSpec.KeySource? {
        guard let text = reader.text(node) else { return nil }
        if text == "auto" { return .discover }
        if text.contains("://") { return secureURL(node).map { .url($0) } }
        return path(node).map { .file($0) }
    }

    private func algorithms(_ node: SourceNode) -> [TokenAlgorithm]? {
        guard let items = reader.list(node) else { return nil }
        guard !items.isEmpty else {
            reader.report(node, "no algorithm is accepted", "name at least one, or remove the key to accept all")
            return nil
        }
        var seen: Set<TokenAlgorithm> = []
        let algorithms = items.map { item -> TokenAlgorithm? in
            if case .scalar(let text, _) = item.value, let problem = ClaimRule.refusedAlgorithm(text) {
                reader.report(item.location, item.path, problem)
                return nil
            }
            guard let algorithm = reader.choice(item, TokenAlgorithm.self) else { return nil }
            if !seen.insert(algorithm).inserted {
                reader.report(item, "\(algorithm.rawValue) is there twice", "keep one of them")
            }
            return algorithm
        }
        return algorithms.contains(nil) ? nil : algorithms.compactMap(\.self)
    }

    private func claimText(_ node: SourceNode, _ rule: (String) throws(Problem) -> Void) -> String? {
        guard let text = reader.text(node) else { return nil }
        return reader.attempt(node) { () throws(Problem) in
            try rule(text)
            return text
        }
    }

    private func introspection(_ node: SourceNode) -> IssuerSpec.Introspection? {
        let keys = ["url", "clientId", "clientSecret"]
        guard let section = reader.section(node, known: keys, required: keys) else { return nil }
        let endpoint = section["url"].flatMap { node -> IssuerSpec.Introspection.Endpoint? in
            guard let text = reader.text(node) else { return nil }
            return text == "auto" ? .discover : secureURL(node).map { .url($0) }
        }
        let client = section["clientId"].flatMap { claimText($0, ClaimRule.checkClient) }
        let secret = section["clientSecret"].flatMap { clientSecret($0) }
        guard let endpoint, let client, let secret else { return nil }
        return IssuerSpec.Introspection(endpoint: endpoint, clientID: client, secretFile: secret)
    }

    private func clientSecret(_ node: SourceNode) -> String? {
        if case .scalar = node.value, !node.isEmptyValue {
            reader.report(
                node, "holds the secret itself", "put it into a file of mode 0600 and write clientSecret: {file: PATH}")
            return nil
        }
        guard let section = reader.section(node, known: ["file"], required: ["file"]) else { return nil }
        return section["file"].flatMap { path($0) }
    }

    /// Whoever can change what comes from there can make tokens.
    private func secureURL(_ node: SourceNode) -> String? {
        guard let text = reader.text(node),
            let url = reader.attempt(node, { () throws(Problem) in try WebURL(parsing: text) })
        else { return nil }
        guard url.scheme == "https" || url.isLoopback else {
            reader.report(node, "is plain http, where anyone on the way could let themselves in", "use https")
            return nil
        }
        return text
    }
}
