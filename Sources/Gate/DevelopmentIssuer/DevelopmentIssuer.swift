import Admission
import Crypto
import Fleet
import FoundationEssentials

/// Convoy's own issuer, for laptops and trials: one local ES256 key. Only for edges that listen on
/// loopback; whoever decides that is above.
package struct DevelopmentIssuer: Sendable {
    /// Longest life of a token, in seconds: there is no way to revoke one.
    package static let longestLife: Seconds = 86_400

    /// The `iss` of its tokens: `urn:convoy:development:<fleet>`.
    package let url: String
    /// RFC 7638 thumbprint of the key.
    package let keyID: String
    private let key: P256.Signing.PrivateKey

    /// The issuer whose key is in `directory` (`key.pem`); makes both when they are not there.
    package static func load(directory: String, fleet: String) throws -> DevelopmentIssuer {
        DevelopmentIssuer(key: try IssuerKeyFile(directory: directory).loadOrCreate(), fleet: fleet)
    }

    init(key: P256.Signing.PrivateKey, fleet: String) {
        self.key = key
        url = "urn:convoy:development:\(fleet)"
        let (x, y) = Self.coordinates(key)
        let canonical = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
        keyID = Base64URL.encode(SHA256.hash(data: Data(canonical.utf8)))
    }

    /// The public key as a JWKS document: what `GatePolicy.Issuer.jwks` holds.
    package var jwks: JSONValue {
        let (x, y) = Self.coordinates(key)
        return .object([
            "keys": .array([
                .object([
                    "kty": .string("EC"), "crv": .string("P-256"), "x": .string(x), "y": .string(y),
                    "kid": .string(keyID), "use": .string("sig"), "alg": .string("ES256"),
                ])
            ])
        ])
    }

    package var policyIssuer: GatePolicy.Issuer { GatePolicy.Issuer(url: url, jwks: jwks) }

    /// A token for one pool: `audience` is its resource, `url` + `/POOL/mcp`. `now` in seconds since
    /// 1970. Throws a `Failure` when `ttl` is not within 1 second and 24 hours.
    package func mint(
        pool: String, scope: String, audience: String, subject: String, ttl: Seconds, now: Double = WallClock.now()
    ) throws -> Secret {
        guard (1...Self.longestLife.value).contains(ttl.value) else {
            throw Failure(
                .usage, "cannot make a token for pool \(pool)", because: "its life must be within 1s and 24h",
                next: "choose a --ttl of at most 24h; make another token when it is over")
        }
        let issued = Int(now)
        let claims: JSONValue = .object([
            "iss": .string(url), "sub": .string(subject), "aud": .string(audience), "scope": .string(scope),
            "iat": .integer(issued), "nbf": .integer(issued), "exp": .integer(issued + Int(ttl.value)),
            "jti": .string(Base64URL.encode(SymmetricKey(size: .bits128).withUnsafeBytes { Array($0) })),
        ])
        let header: JSONValue = .object([
            "alg": .string("ES256"), "typ": .string("at+jwt"), "kid": .string(keyID),
        ])
        let signed =
            Base64URL.encode(try JSONEncoder().encode(header)) + "."
            + Base64URL.encode(try JSONEncoder().encode(claims))
        let signature = try key.signature(for: Data(signed.utf8))
        return Secret(signed + "." + Base64URL.encode(signature.rawRepresentation))
    }

    private static func coordinates(_ key: P256.Signing.PrivateKey) -> (x: String, y: String) {
        let point = key.publicKey.rawRepresentation
        return (Base64URL.encode(point.prefix(32)), Base64URL.encode(point.suffix(32)))
    }
}
