import Fleet

/// Why a token is not believed. The reason is in our own words: nothing of the token is in it.
package struct TokenFault: Error, Sendable, Equatable {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// What a token says. Believed only after its signature was verified, or when its issuer said it.
package struct TokenClaims: Sendable, Equatable {
    package var issuer: String
    package var subject: String
    package var audiences: [String]
    /// Times in seconds since 1970.
    package var expires: Double
    package var notBefore: Double?
    package var issuedAt: Double?
    package var scopes: [String]
    /// SHA-256 of the one client certificate it may be used with (RFC 8705, 3.1); nil = a bearer token.
    package var certificate: [UInt8]?

    package init(
        issuer: String, subject: String, audiences: [String], expires: Double, notBefore: Double? = nil,
        issuedAt: Double? = nil, scopes: [String], certificate: [UInt8]? = nil
    ) {
        self.issuer = issuer
        self.subject = subject
        self.audiences = audiences
        self.expires = expires
        self.notBefore = notBefore
        self.issuedAt = issuedAt
        self.scopes = scopes
        self.certificate = certificate
    }

    /// From the payload of a JWT (RFC 7519, 4.1; RFC 9068, 2.2). A claim of the wrong type is a fault,
    /// never the same as an absent one.
    package init(_ payload: JSONValue, scopeClaim: String? = nil) throws(TokenFault) {
        let reader = ClaimReader(payload)
        guard case .object = payload else { throw TokenFault("the token's payload is not an object") }
        guard let issuer = payload["iss"]?.stringValue else { throw TokenFault("the token names no issuer") }
        guard let subject = payload["sub"]?.stringValue, !subject.isEmpty else {
            throw TokenFault("the token names no subject")
        }
        guard let expires = try reader.time("exp") else { throw TokenFault("the token never expires") }
        self.init(
            issuer: issuer, subject: subject, audiences: try reader.texts(payload["aud"], "aud") { [$0] },
            expires: expires, notBefore: try reader.time("nbf"), issuedAt: try reader.time("iat"),
            scopes: try reader.scopes(at: scopeClaim), certificate: try reader.certificate())
    }

    /// From an issuer's answer about an opaque token (RFC 7662, 2.2). One without `exp` is good until
    /// `now` + `trust` seconds: then the issuer is asked again.
    package init(
        introspection answer: JSONValue, of issuer: GatePolicy.Issuer, now: Double, trust: Double
    ) throws(TokenFault) {
        guard answer["active"] == .bool(true) else { throw TokenFault("the token is not active") }
        if let stated = answer["iss"] {
            guard stated.stringValue?.isExactly(issuer.url) == true else {
                throw TokenFault("the token's issuer is not accepted")
            }
        }
        // Issuers answer about every kind of token they made; only access tokens admit.
        if let use = answer["token_use"], use != .string("access_token") {
            throw TokenFault("the token is not an access token (token_use)")
        }
        if let type = answer["typ"]?.stringValue, ["refresh", "offline", "id"].containsExactly(type.lowercased()) {
            throw TokenFault("the token is not an access token (typ)")
        }
        if let type = answer["token_type"]?.stringValue, type.lowercased().isExactly("dpop") {
            throw TokenFault("the token is bound to a key that can't be checked here (DPoP)")
        }
        let reader = ClaimReader(answer)
        self.init(
            issuer: issuer.url, subject: try reader.someone(["sub", "username", "client_id"]),
            audiences: try reader.texts(answer["aud"], "aud") { [$0] },
            expires: try reader.time("exp") ?? now + trust, notBefore: try reader.time("nbf"),
            issuedAt: try reader.time("iat"), scopes: try reader.scopes(at: issuer.scopeClaim),
            certificate: try reader.certificate())
    }
}
