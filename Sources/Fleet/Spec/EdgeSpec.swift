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
    /// Where the nginx that is already there picks up our file; absent: `/etc/nginx/conf.d/convoy-FLEET.conf`.
    /// Only with `mode: include`.
    package var include: String?

    /// The file that belongs to the fleet in the nginx that is already there.
    package func includeFile(of fleet: String) -> String { include ?? "/etc/nginx/conf.d/convoy-\(fleet).conf" }

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
        /// Certificates (PEM) of those who may issue client certificates; absent: none is asked for.
        package var clientCertificates: String?
        /// An OCSP response (DER) about the certificate, kept fresh by somebody else.
        package var stapling: String?

        package init(
            certificate: String, key: String, clientCertificates: String? = nil, stapling: String? = nil
        ) {
            self.certificate = certificate
            self.key = key
            self.clientCertificates = clientCertificates
            self.stapling = stapling
        }

        /// With every path changed in the same way.
        package func map(_ change: (String) -> String) -> TLS {
            TLS(
                certificate: change(certificate), key: change(key),
                clientCertificates: clientCertificates.map(change), stapling: stapling.map(change))
        }
    }

    package enum Authorization: Sendable, Equatable, Codable {
        /// Convoy's own issuer with a local key; only where the edge listens on loopback.
        case development
        /// Real issuers: at least one, no two with the same URL.
        case issuers([IssuerSpec])
    }

    /// Where a JWKS document (RFC 7517) is.
    package enum KeySource: Sendable, Equatable, Codable {
        /// Relative to the fleet file.
        case file(String)
        case url(String)
        /// Found through the issuer's metadata (RFC 8414, OpenID Connect Discovery).
        case discover
    }

    package init(
        url: String, listen: Listen, tls: TLS? = nil, authorization: Authorization, mode: Mode = .dedicated,
        include: String? = nil
    ) {
        self.url = url
        self.listen = listen
        self.tls = tls
        self.authorization = authorization
        self.mode = mode
        self.include = include
    }
}
