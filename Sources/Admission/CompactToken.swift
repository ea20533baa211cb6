import Fleet

/// A JWT in compact form (RFC 7515, 3.1), taken apart and not yet believed.
package struct CompactToken: Sendable, Equatable {
    /// Algorithms that may have signed. This list decides; the token only says which one of it.
    package enum Algorithm: String, Sendable, CaseIterable { case es256 = "ES256", rs256 = "RS256" }

    package let algorithm: Algorithm
    package let keyID: String?
    package let claims: TokenClaims
    package let signedBytes: ArraySlice<UInt8>
    package let signature: [UInt8]

    package init(_ token: String) throws(TokenFault) {
        let bytes = Array(token.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw TokenFault("the token is not a signed JWT") }

        (algorithm, keyID) = try Self.read(header: try Self.json(header))
        guard !signature.isEmpty else { throw TokenFault("the token is not signed") }
        claims = try TokenClaims(try Self.json(payload))
        signedBytes = bytes[..<parts[1].endIndex]
        self.signature = signature
    }

    private static func json(_ bytes: [UInt8]) throws(TokenFault) -> JSONValue {
        do { return try StrictJSON.parse(bytes) } catch {
            throw TokenFault("the token's JSON is refused: \(error.reason)")
        }
    }

    private static func read(header: JSONValue) throws(TokenFault) -> (Algorithm, String?) {
        guard let name = header["alg"]?.stringValue,
            let algorithm = Algorithm.allCases.first(where: { $0.rawValue.isExactly(name) })
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
