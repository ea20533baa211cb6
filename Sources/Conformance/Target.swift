import Fleet

/// One protected MCP endpoint, as its clients know it.
package struct Target: Sendable {
    /// The pool beside this one: what is for it must not open ours.
    package struct Neighbour: Sendable {
        package var audience: String
        package var scope: String

        package init(audience: String, scope: String) {
            self.audience = audience
            self.scope = scope
        }
    }

    /// The endpoint: `https://mcp.example.com/analytics/mcp`. It is also the `resource` of its metadata.
    package let url: EndpointURL
    package let issuer: String
    package let audience: String
    /// What admits; empty for a server that asks for none.
    package let scope: String
    /// A scope that the issuer knows and that doesn't admit here.
    package let wrongScope: String
    package let neighbour: Neighbour?
    /// Whether this is the only resource of its origin, so that the root metadata document must tell of it.
    package let isAlone: Bool
    /// Who the tokens name.
    package let subject: String

    package init(
        url: EndpointURL, issuer: String, audience: String? = nil, scope: String, wrongScope: String? = nil,
        neighbour: Neighbour? = nil, isAlone: Bool, subject: String = "convoy-verify"
    ) {
        self.url = url
        self.issuer = issuer
        self.audience = audience ?? url.text
        self.scope = scope
        self.wrongScope = wrongScope ?? neighbour?.scope ?? "convoy:verify:other"
        self.neighbour = neighbour
        self.isAlone = isAlone
        self.subject = subject
    }

    var otherSubject: String { subject + "-2" }
}

/// An `http` or `https` URL with a path and neither credentials, query nor fragment.
package struct EndpointURL: Sendable, Equatable {
    package let text: String
    package let isTLS: Bool
    /// As in a URL: IPv6 addresses in brackets.
    package let host: String
    package let port: Int
    package let path: String
    private let hasPort: Bool

    package init(_ text: String) throws {
        func refused(_ why: String) -> Failure {
            Failure(
                .usage, "cannot verify this URL", because: why,
                next: "give the whole URL of an MCP endpoint, such as https://mcp.example.com/analytics/mcp")
        }
        guard let scheme = ["https://", "http://"].first(where: text.hasPrefix) else {
            throw refused("it is neither http:// nor https://")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"?#@\"\\<>^`{|}".utf8.contains($0) }) else {
            throw refused("it has characters, a query, a fragment or a user that do not belong there")
        }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        let colon = authority.lastIndex(of: ":").flatMap { authority[$0...].contains("]") ? nil : $0 }
        let host = authority[..<(colon ?? authority.endIndex)]
        guard !host.isEmpty else { throw refused("it names no host") }
        let port = colon.map { Int(authority[authority.index(after: $0)...]) }
        guard let port = port ?? (scheme == "https://" ? 443 : 80), (1...65535).contains(port) else {
            throw refused("its port is no number of 1...65535")
        }
        let path = rest.dropFirst(authority.count)
        self.text = text.hasSuffix("/") ? String(text.dropLast()) : text
        isTLS = scheme == "https://"
        self.host = String(host)
        self.port = port
        hasPort = colon != nil
        self.path = path.hasSuffix("/") ? String(path.dropLast()) : String(path)
    }

    package var scheme: String { isTLS ? "https" : "http" }
    /// The value of `Host`.
    package var authority: String { hasPort ? "\(host):\(port)" : host }
    package var origin: String { "\(scheme)://\(authority)" }
    package var isLoopback: Bool { host == "localhost" || host == "[::1]" || host.hasPrefix("127.") }
    /// For a connection: without brackets.
    package var address: String { host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host }
    /// Request target; never empty.
    package var target: String { path.isEmpty ? "/" : path }

    /// Another target of the same origin.
    func sibling(_ path: String) -> String { origin + path }
}
