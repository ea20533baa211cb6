import Fleet

/// A URL that keys or answers about tokens may come from: https, or plain http to this very machine.
package struct TrustedURL: Sendable, Equatable, CustomStringConvertible {
    package let description: String
    package let url: WebURL

    /// `plainLoopback`: whether http to a loopback address will do.
    package init(parsing text: String, plainLoopback: Bool = true) throws(Problem) {
        let bare = String(text.prefix { $0 != "?" })
        let query = text.dropFirst(bare.count)
        url = try WebURL(parsing: bare)
        guard text.utf8.count <= 2048, query.utf8.allSatisfy(Self.isQuery) else {
            throw Problem("\(text.quoted) has a character that a query can't hold", "remove or percent-encode it")
        }
        guard url.scheme == "https" || (plainLoopback && url.isLoopback) else {
            throw Problem(
                "\(text.quoted) is not https", "use https: who can change the answer on its way can admit anybody")
        }
        description = text
    }

    private static func isQuery(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) && ![0x22, 0x23, 0x3c, 0x3e, 0x5c, 0x5e, 0x60, 0x7b, 0x7c, 0x7d].contains(byte)
    }
}

/// Where an issuer's metadata can be.
package enum WellKnown {
    /// In the order in which MCP clients look: RFC 8414 with its path inserted before the issuer's,
    /// OpenID Connect Discovery the same way, and as it was specified, behind the issuer's path.
    package static func candidates(issuer: String, _ url: WebURL) -> [String] {
        let origin = String(issuer.dropLast(url.path.count))
        let path = url.path.hasSuffix("/") ? String(url.path.dropLast()) : url.path
        let inserted = ["oauth-authorization-server", "openid-configuration"].map {
            "\(origin)/.well-known/\($0)\(path)"
        }
        return path.isEmpty ? inserted : inserted + ["\(origin)\(path)/.well-known/openid-configuration"]
    }
}
