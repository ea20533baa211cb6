import Admission
import Fleet
import JWTKit

/// The public keys of all issuers, ready for verification without waiting: JWTKit makes the keys
/// once per policy, and only its signature check runs per token. Its `JWTKeyCollection.verify` is
/// not used, because it falls back to a default key for an unknown `kid`.
package struct KeyRing: Sendable {
    private struct Key: Sendable {
        let id: String?
        let algorithm: CompactToken.Algorithm
        let verifier: any JWTAlgorithm
    }

    private let keys: [String: [Key]]
    /// Keys and issuers that were left out, in words for the log.
    package let notices: [String]

    package init(_ issuers: [GatePolicy.Issuer]) async {
        var keys: [String: [Key]] = [:]
        var notices: [String] = []
        for issuer in issuers {
            var usable: [Key] = []
            for (index, document) in (issuer.jwks["keys"]?.arrayValue ?? []).prefix(64).enumerated() {
                do { usable += try await Self.keys(from: document) } catch {
                    notices.append("issuer \(issuer.url): key \(index) is left out: \(error.reason)")
                }
            }
            if usable.isEmpty { notices.append("issuer \(issuer.url): no usable key, its tokens are refused") }
            keys[issuer.url] = usable
        }
        self.keys = keys
        self.notices = notices
    }

    /// The claims of a token that one of its issuer's keys has signed.
    package func verify(_ text: String) -> Result<TokenClaims, TokenFault> {
        do throws(TokenFault) {
            let token = try CompactToken(text)
            let key = try key(for: token)
            guard (try? key.verifier.verify(token.signature, signs: token.signedBytes)) == true else {
                throw TokenFault("the token's signature is wrong")
            }
            return .success(token.claims)
        } catch { return .failure(error) }
    }

    private func key(for token: CompactToken) throws(TokenFault) -> Key {
        guard let (issuer, known) = keys.first(where: { $0.key.isExactly(token.claims.issuer) }), !issuer.isEmpty else {
            throw TokenFault("the token's issuer is not accepted")
        }
        let candidates = known.filter { $0.algorithm == token.algorithm }
        if let keyID = token.keyID {
            guard let key = candidates.first(where: { $0.id?.isExactly(keyID) == true }) else {
                throw TokenFault("the token's key is not known")
            }
            return key
        }
        guard candidates.count == 1 else { throw TokenFault("the token does not say which key signed it") }
        return candidates[0]
    }

    /// One key for the one algorithm it is good for; none when it is meant for something else.
    private static func keys(from document: JSONValue) async throws(TokenFault) -> [Key] {
        if let use = document["use"]?.stringValue, use != "sig" { return [] }
        if let operations = document["key_ops"]?.arrayValue, !operations.contains(.string("verify")) { return [] }
        let id = document["kid"]?.stringValue
        let algorithm: CompactToken.Algorithm
        let jwk: JWK
        // Only the public members are taken over, whatever else the document holds.
        switch document["kty"]?.stringValue {
        case "EC" where document["crv"]?.stringValue == "P-256":
            algorithm = .es256
            jwk = .ecdsa(
                .es256, identifier: "key", x: document["x"]?.stringValue, y: document["y"]?.stringValue,
                curve: .p256)
        case "RSA":
            algorithm = .rs256
            jwk = .rsa(
                .rs256, identifier: "key", modulus: try modulus(document), exponent: document["e"]?.stringValue)
        default: throw TokenFault("neither RSA nor EC P-256")
        }
        if let stated = document["alg"]?.stringValue, stated != algorithm.rawValue {
            throw TokenFault("made for algorithm \(stated.prefix(16)), which is not accepted")
        }
        do {
            let collection = try await JWTKeyCollection().add(jwk: jwk)
            let verifier = try await collection.getKey(for: "key", alg: algorithm.rawValue)
            return [Key(id: id, algorithm: algorithm, verifier: verifier)]
        } catch { throw TokenFault("malformed or too weak") }
    }

    /// Verification takes longer with a larger key; 8192 bits are more than anybody's use.
    private static func modulus(_ document: JSONValue) throws(TokenFault) -> String? {
        let modulus = document["n"]?.stringValue
        guard (modulus?.utf8.count ?? 0) <= 1368 else { throw TokenFault("larger than 8192 bits") }
        return modulus
    }
}
