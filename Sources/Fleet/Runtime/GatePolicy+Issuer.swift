extension GatePolicy {
    /// An issuer as the gate knows it: public keys, or that it may ask the refresher; no secret.
    package struct Issuer: Sendable, Equatable {
        package enum Keys: Sendable, Equatable {
            /// A JWKS document (RFC 7517) with public keys.
            case inline(JSONValue)
            /// Asked of the refresher, over and over.
            case refresher
            /// No token of this issuer can be checked by its signature.
            case none
        }

        package var url: String
        package var keys: Keys
        /// The only algorithms that its keys are used for.
        package var algorithms: [TokenAlgorithm]
        /// What `aud` must hold; nil = the pool's URL.
        package var audience: String?
        /// Path of the claim that holds the scopes; nil = `scope`, else `scp`.
        package var scopeClaim: String?
        /// Whether opaque tokens are asked for at this issuer, by way of the refresher. One issuer at
        /// most: an opaque token does not say whose it is.
        package var introspection: Bool
        /// How old keys from the refresher may get while it can't fetch newer ones.
        package var staleLimit: Seconds

        package init(
            url: String, keys: Keys, algorithms: [TokenAlgorithm] = TokenAlgorithm.allCases, audience: String? = nil,
            scopeClaim: String? = nil, introspection: Bool = false, staleLimit: Seconds = 86_400
        ) {
            self.url = url
            self.keys = keys
            self.algorithms = algorithms
            self.audience = audience
            self.scopeClaim = scopeClaim
            self.introspection = introspection
            self.staleLimit = staleLimit
        }

        package init(url: String, jwks: JSONValue) { self.init(url: url, keys: .inline(jwks)) }
    }
}

extension GatePolicy.Issuer: Codable {
    private enum CodingKeys: String, CodingKey {
        case url, jwks, keys, algorithms, audience, scopeClaim, introspection, staleLimit
    }

    private enum Source: String, Codable { case refresher, none }

    /// Keys as `jwks` when they are inline, else where they are from as `keys`. All but `url` and one
    /// of the two may be absent.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let keys: Keys
        if values.contains(.jwks) {
            keys = .inline(try values.decode(JSONValue.self, forKey: .jwks))
        } else {
            switch try values.decode(Source.self, forKey: .keys) {
            case .refresher: keys = .refresher
            case .none: keys = .none
            }
        }
        self.init(url: try values.decode(String.self, forKey: .url), keys: keys)
        algorithms = try values.decodeIfPresent([TokenAlgorithm].self, forKey: .algorithms) ?? algorithms
        audience = try values.decodeIfPresent(String.self, forKey: .audience)
        scopeClaim = try values.decodeIfPresent(String.self, forKey: .scopeClaim)
        introspection = try values.decodeIfPresent(Bool.self, forKey: .introspection) ?? introspection
        staleLimit = try values.decodeIfPresent(Seconds.self, forKey: .staleLimit) ?? staleLimit
    }

    package func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(url, forKey: .url)
        switch keys {
        case .inline(let document): try values.encode(document, forKey: .jwks)
        case .refresher: try values.encode(Source.refresher, forKey: .keys)
        case .none: try values.encode(Source.none, forKey: .keys)
        }
        try values.encode(algorithms, forKey: .algorithms)
        try values.encodeIfPresent(audience, forKey: .audience)
        try values.encodeIfPresent(scopeClaim, forKey: .scopeClaim)
        try values.encode(introspection, forKey: .introspection)
        try values.encode(staleLimit, forKey: .staleLimit)
    }
}
