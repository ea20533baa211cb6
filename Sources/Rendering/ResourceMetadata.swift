import Fleet

/// Protected Resource Metadata (RFC 9728) of one pool: where to get tokens for it, and which.
enum ResourceMetadata {
    static func document(pool: String, scope: String, edge: EdgeSpec) throws -> String {
        let url = try NginxText("edge/url").url(edge.url)
        let scope = try NginxText("pool \(pool): scope").scope(scope)
        let issuers = try issuers(edge, url: url).map { "\"\($0)\"" }.joined(separator: ",")
        // The checks above leave nothing that JSON would have to escape.
        return """
            {"resource":"\(url)/\(pool)/mcp","authorization_servers":[\(issuers)],\
            "scopes_supported":["\(scope)"],"bearer_methods_supported":["header"]}
            """
    }

    private static func issuers(_ edge: EdgeSpec, url: String) throws -> [String] {
        switch edge.authorization {
        case .issuers(let issuers): try issuers.map { try NginxText("edge/authorization/issuer").issuer($0.url) }
        // `convoy token` is the only issuer there; its URN is no URL, and a client that looks for
        // authorization server metadata at the edge itself gets an honest 404.
        case .development: [url]
        }
    }
}
