/// The nginx in front: where it listens, with which certificate, and whose tokens it believes.
package struct EdgeSpec: Sendable, Equatable, Codable {
    package enum Mode: String, Sendable, Equatable, Codable { case dedicated, include }

    /// Where clients reach the fleet: scheme, host and port only, no trailing slash. The audience of
    /// a pool's tokens is `url` + `/POOL/mcp`.
    package var url: String
    /// `address:port` that nginx listens on; by default the host's and port of `url` when that is a
    /// loopback address, else `0.0.0.0` and its port.
    package var listen: Listen
    package var tls: TLS?
    package var authorization: Authorization
    package var mode: Mode

    package struct Listen: Sendable, Equatable, Codable {
        package var address: String
        package var port: Int
        package var isLoopback: Bool { address == "::1" || address.hasPrefix("127.") }

        package init(address: String, port: Int) {
            self.address = address
            self.port = port
        }
    }

    /// PEM files; relative paths are relative to the fleet file.
    package struct TLS: Sendable, Equatable, Codable {
        package var certificate: String
        package var key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    package enum Authorization: Sendable, Equatable, Codable {
        /// Convoy's own issuer with a local key; only where the edge listens on loopback.
        case development
        /// A real issuer; its keys from a JWKS file (relative to the fleet file).
        case issuer(url: String, jwks: KeySource)
    }

    package enum KeySource: Sendable, Equatable, Codable {
        case file(String)
        case url(String)
        /// Found through the issuer's metadata (RFC 8414, OpenID Connect Discovery).
        case discover
    }

    package init(
        url: String, listen: Listen, tls: TLS? = nil, authorization: Authorization, mode: Mode = .dedicated
    ) {
        self.url = url
        self.listen = listen
        self.tls = tls
        self.authorization = authorization
        self.mode = mode
    }
}
