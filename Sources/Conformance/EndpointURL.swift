import Fleet

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
