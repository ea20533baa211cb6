import Fleet

/// A JWT in compact form (RFC 7515, 3.1), taken apart and not yet believed.
package struct CompactToken: Sendable, Equatable {
    /// The one that the token names, out of those that Convoy can check; an issuer's list may have fewer.
    package let algorithm: TokenAlgorithm
    package let keyID: String?
    package let issuer: String
    package let signedBytes: ArraySlice<UInt8>
    package let signature: [UInt8]
    private let payload: JSONValue

    package init(_ token: String) throws(TokenFault) {
        guard let read = try Self.read(token) else { throw TokenFault("the token is not a signed JWT") }
        self = read
    }

    /// Nil when the token has not the form of a JWT, three parts in base64url: it is opaque then.
    package static func read(_ token: String) throws(TokenFault) -> CompactToken? {
        let bytes = Array(token.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { return nil }
        return try CompactToken(
            header: header, payload: payload, signedBytes: bytes[..<parts[1].endIndex], signature: signature)
    }

    /// Whose token it says it is; nil when it has not the form of a JWT or says nothing of the kind.
    static func issuer(named token: String) -> String? {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let payload = Base64URL.decode(parts[1]) else { return nil }
        return (try? StrictJSON.parse(payload))?["iss"]?.stringValue
    }

    private init(
        header: [UInt8], payload: [UInt8], signedBytes: ArraySlice<UInt8>, signature: [UInt8]
    ) throws(TokenFault) {
        (algorithm, keyID) = try Self.read(header: try Self.json(header))
        guard !signature.isEmpty else { throw TokenFault("the token is not signed") }
        self.payload = try Self.json(payload)
        guard case .object = self.payload else { throw TokenFault("the token's payload is not an object") }
        guard let issuer = self.payload["iss"]?.stringValue else { throw TokenFault("the token names no issuer") }
        self.issuer = issuer
        self.signedBytes = signedBytes
        self.signature = signature
    }

    /// What the token says, its scopes read from where its issuer puts them.
    package func claims(scopeClaim: String? = nil) throws(TokenFault) -> TokenClaims {
        try TokenClaims(payload, scopeClaim: scopeClaim)
    }

    private static func json(_ bytes: [UInt8]) throws(TokenFault) -> JSONValue {
        do { return try StrictJSON.parse(bytes) } catch {
            throw TokenFault("the token's JSON is refused: \(error.reason)")
        }
    }

    private static func read(header: JSONValue) throws(TokenFault) -> (TokenAlgorithm, String?) {
        guard let name = header["alg"]?.stringValue,
            let algorithm = TokenAlgorithm.allCases.first(where: { $0.rawValue.isExactly(name) })
        else { throw TokenFault("the token's algorithm is not accepted") }
        // Extensions we would have to understand (crit, RFC 7515 4.1.11), and keys that the token
        // brings along for its own verification.
        for name in ["crit", "jwk", "jku", "x5u", "x5c"] where header[name] != nil {
            throw TokenFault("the token's header has \(name)")
        }
        if let type = header["typ"] {
            let accepted = ["jwt", "at+jwt", "application/at+jwt"]
            guard let text = type.stringValue, accepted.containsExactly(text.lowercased()) else {
                throw TokenFault("the token is not an access token (typ)")
            }
        }
        switch header["kid"] {
        case nil: return (algorithm, nil)
        case .string(let keyID)? where keyID.utf8.count <= 512: return (algorithm, keyID)
        default: throw TokenFault("the token's kid is malformed")
        }
    }
}
