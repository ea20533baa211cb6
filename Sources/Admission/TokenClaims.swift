import Fleet

/// Why a token is not believed. The reason is in our own words: nothing of the token is in it.
package struct TokenFault: Error, Sendable, Equatable {
    package var reason: String

    package init(_ reason: String) { self.reason = reason }
}

/// What a token says. Believed only after its signature was verified.
package struct TokenClaims: Sendable, Equatable {
    package var issuer: String
    package var subject: String
    package var audiences: [String]
    /// Times in seconds since 1970.
    package var expires: Double
    package var notBefore: Double?
    package var issuedAt: Double?
    package var scopes: [String]

    package init(
        issuer: String, subject: String, audiences: [String], expires: Double, notBefore: Double? = nil,
        issuedAt: Double? = nil, scopes: [String]
    ) {
        self.issuer = issuer
        self.subject = subject
        self.audiences = audiences
        self.expires = expires
        self.notBefore = notBefore
        self.issuedAt = issuedAt
        self.scopes = scopes
    }

    /// From the payload of a JWT (RFC 7519, 4.1; RFC 9068, 2.2). A claim of the wrong type is a fault,
    /// never the same as an absent one.
    package init(_ payload: JSONValue) throws(TokenFault) {
        guard case .object = payload else { throw TokenFault("the token's payload is not an object") }
        guard let issuer = payload["iss"]?.stringValue else { throw TokenFault("the token names no issuer") }
        guard let subject = payload["sub"]?.stringValue, !subject.isEmpty else {
            throw TokenFault("the token names no subject")
        }
        guard let expires = try Self.time(payload, "exp") else { throw TokenFault("the token never expires") }
        self.init(
            issuer: issuer, subject: subject, audiences: try Self.texts(payload, "aud") { [$0] }, expires: expires,
            notBefore: try Self.time(payload, "nbf"), issuedAt: try Self.time(payload, "iat"),
            scopes: try Self.texts(payload, "scope") { $0.split(separator: " ").map(String.init) })
    }

    private static func time(_ payload: JSONValue, _ name: String) throws(TokenFault) -> Double? {
        switch payload[name] {
        case nil: return nil
        case .integer(let seconds)?: return Double(seconds)
        case .number(let seconds)? where seconds.isFinite: return seconds
        default: throw TokenFault("the token's \(name) is not a time")
        }
    }

    private static func texts(
        _ payload: JSONValue, _ name: String, split: (String) -> [String]
    ) throws(TokenFault) -> [String] {
        switch payload[name] {
        case nil: return []
        case .string(let text)?: return split(text)
        case .array(let items)?:
            let texts = items.compactMap(\.stringValue)
            guard texts.count == items.count else { throw TokenFault("the token's \(name) is malformed") }
            return texts
        default: throw TokenFault("the token's \(name) is malformed")
        }
    }
}
