import Admission
import Crypto
import CryptoExtras
import Fleet
import Foundation
import JWTKit
import Testing

@testable import Gate

/// A private key, its public half as a JWK, and a signature by any algorithm.
private struct SigningKey {
    let jwk: [String: JSONValue]
    let able: [TokenAlgorithm]
    let algorithm: @Sendable (TokenAlgorithm) async throws -> any JWTAlgorithm

    func sign(_ algorithm: TokenAlgorithm, kid: String? = "k") async throws -> String {
        var header: [String: JSONValue] = ["alg": .string(algorithm.rawValue)]
        if let kid { header["kid"] = .string(kid) }
        let signed =
            Base64URL.encode(try JSONEncoder().encode(header)) + "." + Base64URL.encode(#"{"iss":"i"}"#.utf8)
        return signed + "." + Base64URL.encode(try await self.algorithm(algorithm).sign(Array(signed.utf8)))
    }

    static func rsa(_ bits: Int) throws -> SigningKey {
        let key = try _RSA.Signing.PrivateKey(unsafeKeySize: .init(bitCount: bits))
        let numbers = try key.publicKey.getKeyPrimitives()
        let pem = key.pemRepresentation
        return SigningKey(
            jwk: [
                "kty": .string("RSA"), "n": .string(Base64URL.encode(numbers.modulus)),
                "e": .string(Base64URL.encode(numbers.publicExponent)), "kid": .string("k"),
            ], able: [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        ) { algorithm in
            let keys = JWTKeyCollection()
            let key = try Insecure.RSA.PrivateKey(pem: pem)
            switch algorithm {
            case .rs256: await keys.add(rsa: key, digestAlgorithm: .sha256)
            case .rs384: await keys.add(rsa: key, digestAlgorithm: .sha384)
            case .rs512: await keys.add(rsa: key, digestAlgorithm: .sha512)
            case .ps256: await keys.add(pss: key, digestAlgorithm: .sha256)
            case .ps384: await keys.add(pss: key, digestAlgorithm: .sha384)
            default: await keys.add(pss: key, digestAlgorithm: .sha512)
            }
            return try await keys.getKey()
        }
    }

    private static func curve(
        _ name: String, _ point: Data, _ able: TokenAlgorithm,
        _ add: @escaping @Sendable (JWTKeyCollection) async throws -> Void
    ) -> SigningKey {
        SigningKey(
            jwk: [
                "kty": .string("EC"), "crv": .string(name),
                "x": .string(Base64URL.encode(point.prefix(point.count / 2))),
                "y": .string(Base64URL.encode(point.suffix(point.count / 2))), "kid": .string("k"),
            ], able: [able]
        ) { _ in
            let keys = JWTKeyCollection()
            try await add(keys)
            return try await keys.getKey()
        }
    }

    static func es256() -> SigningKey {
        let key = P256.Signing.PrivateKey()
        return curve("P-256", key.publicKey.rawRepresentation, .es256) {
            await $0.add(ecdsa: try ES256PrivateKey(pem: key.pemRepresentation))
        }
    }

    static func es384() -> SigningKey {
        let key = P384.Signing.PrivateKey()
        return curve("P-384", key.publicKey.rawRepresentation, .es384) {
            await $0.add(ecdsa: try ES384PrivateKey(pem: key.pemRepresentation))
        }
    }

    static func es512() -> SigningKey {
        let key = P521.Signing.PrivateKey()
        return curve("P-521", key.publicKey.rawRepresentation, .es512) {
            await $0.add(ecdsa: try ES512PrivateKey(pem: key.pemRepresentation))
        }
    }

    static func ed25519() -> SigningKey {
        let key = Curve25519.Signing.PrivateKey()
        return SigningKey(
            jwk: [
                "kty": .string("OKP"), "crv": .string("Ed25519"), "kid": .string("k"),
                "x": .string(Base64URL.encode(key.publicKey.rawRepresentation)),
            ], able: [.edDSA]
        ) { _ in
            try await JWTKeyCollection().add(eddsa: EdDSA.PrivateKey(backing: key)).getKey()
        }
    }
}

@Suite("Algorithms and keys")
struct AlgorithmTests {
    private func set(_ keys: [[String: JSONValue]]) -> KeySet {
        KeySet(.object(["keys": .array(keys.map { .object($0) })]), of: "i")
    }

    private func accepts(_ token: String, _ keys: [[String: JSONValue]]) throws -> Bool {
        set(keys).hasSigned(try CompactToken(token))
    }

    @Test("each algorithm is verified with a key of its type, and with no other")
    func everyAlgorithm() async throws {
        let keys = [try SigningKey.rsa(2048), .es256(), .es384(), .es512(), .ed25519()]
        var checked: Set<TokenAlgorithm> = []
        for key in keys {
            for algorithm in key.able {
                let token = try await key.sign(algorithm)
                let right = try accepts(token, keys.map(\.jwk))
                #expect(right, "\(algorithm)")
                let wrong = try accepts(token, keys.filter { $0.jwk != key.jwk }.map(\.jwk))
                #expect(!wrong, "\(algorithm)")
                checked.insert(algorithm)
                // The same signature under another name of an algorithm that the key could do.
                for other in key.able where other != algorithm {
                    let parts = token.split(separator: ".")
                    let header = Base64URL.encode(#"{"alg":"\#(other.rawValue)","kid":"k"}"#.utf8)
                    let renamed = try accepts("\(header).\(parts[1]).\(parts[2])", [key.jwk])
                    #expect(!renamed, "\(algorithm) as \(other)")
                }
                let parts = token.split(separator: ".")
                var signature = try #require(Base64URL.decode(parts[2].utf8))
                for index in [0, signature.count / 2, signature.count - 1] {
                    signature[index] ^= 1
                    let spoilt = "\(parts[0]).\(parts[1]).\(Base64URL.encode(signature))"
                    let isAccepted = try accepts(spoilt, [key.jwk])
                    #expect(!isAccepted)
                    signature[index] ^= 1
                }
                let isCut = try accepts("\(parts[0]).\(parts[1]).\(Base64URL.encode(signature.dropLast()))", [key.jwk])
                #expect(!isCut)
            }
        }
        #expect(checked == Set(TokenAlgorithm.allCases))
    }

    @Test("a key's alg narrows what it is good for, use and key_ops may rule it out")
    func narrowed() async throws {
        let key = try SigningKey.rsa(2048)
        func with(_ more: [String: JSONValue]) -> [[String: JSONValue]] { [key.jwk.merging(more) { $1 }] }
        let token = try await key.sign(.ps256)
        for (more, isGood) in [
            (["alg": .string("PS256")], true), (["alg": .string("RS256")], false), (["alg": .string("ES256")], false),
            (["alg": .string("HS256")], false), (["alg": .integer(7)], false), (["use": .string("sig")], true),
            (["use": .string("enc")], false), (["key_ops": .array([.string("verify")])], true),
            (["key_ops": .array([.string("sign")])], false), (["kid": .string("other")], false),
            (["kty": .string("oct")], false), (["e": .string("AA")], false), (["n": .string("!!")], false),
        ] as [([String: JSONValue], Bool)] {
            let accepted = try accepts(token, with(more))
            #expect(accepted == isGood, "\(more)")
        }
    }

    @Test("RSA keys of fewer than 2048 or more than 8192 bits are left out, and the log says so")
    func sizes() async throws {
        let weak = try SigningKey.rsa(1024)
        #expect(set([weak.jwk]).notices.first == "issuer i: key 0 is left out: its 1024 bits are fewer than 2048")
        var huge = weak.jwk
        huge["n"] = .string(Base64URL.encode([1] + [UInt8](repeating: 0xff, count: 1024)))
        #expect(set([huge]).notices.first == "issuer i: key 0 is left out: its 8193 bits are more than 8192")
        var padded = weak.jwk
        padded["n"] = .string(
            Base64URL.encode([UInt8](repeating: 0, count: 200) + [UInt8](repeating: 0xff, count: 128)))
        #expect(set([padded]).notices.first?.contains("1024 bits") == true)
    }

    @Test("points that are on no curve, and curves that are not ours, are left out")
    func points() async throws {
        let key = SigningKey.es256().jwk
        for (name, value) in [("x", "AAAA"), ("y", ""), ("crv", "secp256k1"), ("crv", "P-384"), ("x", "====")] {
            #expect(set([key.merging([name: .string(value)]) { $1 }]).notices.count == 2, "\(name) \(value)")
        }
        let edwards = SigningKey.ed25519().jwk
        for (name, value) in [("crv", "X25519"), ("crv", "Ed448"), ("x", "AAAA")] {
            #expect(set([edwards.merging([name: .string(value)]) { $1 }]).notices.count == 2, "\(name) \(value)")
        }
    }

    @Test("without a kid a token is good only if one key can be meant")
    func noKeyID() async throws {
        let first = SigningKey.es256()
        let second = SigningKey.es256()
        let token = try await first.sign(.es256, kid: nil)
        let alone = try accepts(token, [first.jwk, SigningKey.es384().jwk])
        #expect(alone)
        let unclear = try accepts(token, [first.jwk, second.jwk])
        #expect(!unclear)
        #expect(set([first.jwk, second.jwk]).standing(of: try CompactToken(token)) == .unclear)
    }

    @Test("an issuer's list of algorithms holds at a running gate, and so does a certificate's binding")
    func atTheGate() async throws {
        try await GateFixture.with { fixture in
            var policy = GateFixture.policy(fixture.issuer, revision: 2)
            policy.issuers[0].algorithms = [.rs256]
            try GateFixture.write(policy, to: fixture.policyFile)
            await fixture.server.reload()
            let refused = try await fixture.ask(GateFixture.request(token: try fixture.token()))
            #expect(refused?.headers["www-authenticate"]?.contains("the token's algorithm is not accepted") == true)

            try fixture.write(revision: 3, active: .a)
            await fixture.server.reload()
            let der = [UInt8]("not really a certificate".utf8)
            let digest = Base64URL.encode(SHA256.hash(data: der))
            let token = try await Forger(fixture).sign(
                ["alg": .string("ES256"), "kid": .string(fixture.issuer.keyID)],
                [
                    "iss": .string(fixture.issuer.url), "sub": .string("ada"), "scope": .string("mcp:analytics"),
                    "aud": .string("https://mcp.example.com/analytics/mcp"),
                    "exp": .integer(Int(GateFixture.now) + 600), "cnf": .object(["x5t#S256": .string(digest)]),
                ])
            func header(_ der: [UInt8]) -> String {
                let body = Data(der).base64EncodedString().replacing("+", with: "%2B").replacing("=", with: "%3D")
                return
                    "X-Convoy-Client-Certificate: -----BEGIN%20CERTIFICATE-----%0A\(body)%0A-----END%20CERTIFICATE-----%0A"
            }
            #expect(try await fixture.ask(GateFixture.request(token: token, more: [header(der)]))?.status == 204)
            #expect(try await fixture.ask(GateFixture.request(token: token))?.status == 401)
            #expect(try await fixture.ask(GateFixture.request(token: token, more: [header(der + [0])]))?.status == 401)
        }
    }
}
