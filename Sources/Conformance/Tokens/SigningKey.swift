import Admission
import Crypto
import CryptoExtras
import Fleet
import FoundationEssentials

/// An issuer's private key, and what a forger would make of its public half.
package struct SigningKey: Sendable {
    enum Material: Sendable {
        case p256(P256.Signing.PrivateKey)
        case p384(P384.Signing.PrivateKey)
        case p521(P521.Signing.PrivateKey)
        case ed25519(Curve25519.Signing.PrivateKey)
        case rsa(_RSA.Signing.PrivateKey)
    }

    let material: Material
    /// JOSE name of the algorithm that it signs with.
    package let algorithm: String
    package let keyID: String?

    init(_ material: Material, algorithm: String, keyID: String?) {
        self.material = material
        self.algorithm = algorithm
        self.keyID = keyID
    }

    /// A new key of the same kind that says it is the same.
    func stranger() throws -> SigningKey {
        let other: Material =
            switch material {
            case .p256: .p256(.init())
            case .p384: .p384(.init())
            case .p521: .p521(.init())
            case .ed25519: .ed25519(.init())
            case .rsa: .rsa(try .init(keySize: .bits2048))
            }
        return SigningKey(other, algorithm: algorithm, keyID: keyID)
    }

    func sign(_ bytes: [UInt8]) throws -> [UInt8] {
        let data = Data(bytes)
        switch material {
        case .p256(let key): return Array(try key.signature(for: data).rawRepresentation)
        case .p384(let key): return Array(try key.signature(for: data).rawRepresentation)
        case .p521(let key): return Array(try key.signature(for: data).rawRepresentation)
        case .ed25519(let key): return Array(try key.signature(for: data))
        case .rsa(let key):
            let padding: _RSA.Signing.Padding = algorithm.hasPrefix("PS") ? .PSS : .insecurePKCS1v1_5
            let signature =
                switch algorithm.suffix(3) {
                case "384": try key.signature(for: SHA384.hash(data: data), padding: padding)
                case "512": try key.signature(for: SHA512.hash(data: data), padding: padding)
                default: try key.signature(for: SHA256.hash(data: data), padding: padding)
                }
            return Array(signature.rawRepresentation)
        }
    }

    /// The signature in ASN.1, as JOSE doesn't spell it; nil where there is one spelling only.
    func signatureInDER(_ bytes: [UInt8]) throws -> [UInt8]? {
        let data = Data(bytes)
        switch material {
        case .p256(let key): return Array(try key.signature(for: data).derRepresentation)
        case .p384(let key): return Array(try key.signature(for: data).derRepresentation)
        case .p521(let key): return Array(try key.signature(for: data).derRepresentation)
        case .ed25519, .rsa: return nil
        }
    }

    /// SubjectPublicKeyInfo.
    var publicDER: [UInt8] {
        switch material {
        case .p256(let key): Array(key.publicKey.derRepresentation)
        case .p384(let key): Array(key.publicKey.derRepresentation)
        case .p521(let key): Array(key.publicKey.derRepresentation)
        case .ed25519(let key): DER.ed25519Prefix + Array(key.publicKey.rawRepresentation)
        case .rsa(let key): Array(key.publicKey.derRepresentation)
        }
    }

    var publicPEM: String {
        let base64 = Data(publicDER).base64EncodedString()
        var lines: [Substring] = []
        var rest = base64[...]
        while !rest.isEmpty {
            lines.append(rest.prefix(64))
            rest = rest.dropFirst(64)
        }
        return "-----BEGIN PUBLIC KEY-----\n" + lines.joined(separator: "\n") + "\n-----END PUBLIC KEY-----\n"
    }

    /// Public JWK (RFC 7517).
    var jwk: JSONValue {
        get throws {
            var members: [String: JSONValue] = ["use": .string("sig"), "alg": .string(algorithm)]
            if let keyID { members["kid"] = .string(keyID) }
            switch material {
            case .p256(let key): Self.point(&members, "P-256", Array(key.publicKey.rawRepresentation))
            case .p384(let key): Self.point(&members, "P-384", Array(key.publicKey.rawRepresentation))
            case .p521(let key): Self.point(&members, "P-521", Array(key.publicKey.rawRepresentation))
            case .ed25519(let key):
                members["kty"] = .string("OKP")
                members["crv"] = .string("Ed25519")
                members["x"] = .string(Base64URL.encode(key.publicKey.rawRepresentation))
            case .rsa(let key):
                let numbers = try key.publicKey.getKeyPrimitives()
                members["kty"] = .string("RSA")
                members["n"] = .string(Base64URL.encode(numbers.modulus))
                members["e"] = .string(Base64URL.encode(numbers.publicExponent))
            }
            return .object(members)
        }
    }

    private static func point(_ members: inout [String: JSONValue], _ curve: String, _ raw: [UInt8]) {
        members["kty"] = .string("EC")
        members["crv"] = .string(curve)
        members["x"] = .string(Base64URL.encode(raw.prefix(raw.count / 2)))
        members["y"] = .string(Base64URL.encode(raw.suffix(raw.count / 2)))
    }
}
