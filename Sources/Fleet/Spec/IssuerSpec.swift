/// One authorization server whose tokens the edge believes.
package struct IssuerSpec: Sendable, Equatable, Codable {
    /// The `iss` of its tokens, to the letter.
    package var url: String
    /// Where its public keys are; nil = none: each of its tokens is asked for by introspection.
    package var keys: EdgeSpec.KeySource?
    /// Algorithms that it may sign with; never empty, each once.
    package var algorithms: [TokenAlgorithm]
    /// What `aud` must hold, for issuers that can't do RFC 8707; nil = the pool's URL.
    package var audience: String?
    /// The claim that holds the scopes, such as `roles` or `realm_access.roles`; nil = `scope`, else `scp`.
    package var scopeClaim: String?
    package var introspection: Introspection?

    /// How to ask about an opaque token (RFC 7662).
    package struct Introspection: Sendable, Equatable, Codable {
        package enum Endpoint: Sendable, Equatable, Codable {
            case url(String)
            /// Found through the issuer's metadata (RFC 8414, OpenID Connect Discovery).
            case discover
        }

        package var endpoint: Endpoint
        package var clientID: String
        /// A file of mode 0600 with the client's secret; relative to the fleet file.
        package var secretFile: String

        package init(endpoint: Endpoint, clientID: String, secretFile: String) {
            self.endpoint = endpoint
            self.clientID = clientID
            self.secretFile = secretFile
        }
    }

    package init(
        url: String, keys: EdgeSpec.KeySource?, algorithms: [TokenAlgorithm] = TokenAlgorithm.allCases,
        audience: String? = nil, scopeClaim: String? = nil, introspection: Introspection? = nil
    ) {
        self.url = url
        self.keys = keys
        self.algorithms = algorithms
        self.audience = audience
        self.scopeClaim = scopeClaim
        self.introspection = introspection
    }

    /// Whether something of it has to be asked for over the network: the refresher's work.
    package var needsRefresher: Bool {
        switch keys {
        case .url, .discover: true
        case .file, nil: introspection != nil
        }
    }
}

extension EdgeSpec.Authorization {
    /// A single issuer with nothing special about it.
    package static func issuer(url: String, jwks: EdgeSpec.KeySource) -> Self {
        .issuers([IssuerSpec(url: url, keys: jwks)])
    }

    /// In the order of the spec; empty for development.
    package var issuers: [IssuerSpec] {
        switch self {
        case .development: []
        case .issuers(let issuers): issuers
        }
    }

    package var needsRefresher: Bool { issuers.contains(where: \.needsRefresher) }
}
