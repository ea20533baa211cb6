import Admission
import Crypto
import CryptoExtras
import Fleet

/// One key of a JWKS document (RFC 7517, 4). Only its public members are looked at, whatever else the
/// document holds.
struct PublicKey: Sendable {
    private enum Material: Sendable {
        case rsa(_RSA.Signing.PublicKey)
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case p521(P521.Signing.PublicKey)
        case ed25519(Curve25519.Signing.PublicKey)
    }

    let id: String?
    /// What the key's type is good for, narrowed by its `alg`.
    let algorithms: [TokenAlgorithm]
    private let material: Material

    /// Nil for a key that is meant for something else than signatures.
    init?(_ document: JSONValue) throws(TokenFault) {
        if let use = document["use"]?.stringValue, use != "sig" { return nil }
        if let operations = document["key_ops"]?.arrayValue, !operations.contains(.string("verify")) { return nil }
        let id = document["kid"]?.stringValue
        guard (id?.utf8.count ?? 0) <= 512 else { throw TokenFault("its kid is longer than 512 bytes") }
        self.id = id
        do { material = try Self.material(document) } catch let fault as TokenFault { throw fault } catch {
            throw TokenFault("it is malformed")
        }
        let able = Self.able(material)
        guard let stated = document["alg"] else {
            algorithms = able
            return
        }
        algorithms = able.filter { stated == .string($0.rawValue) }
        if algorithms.isEmpty {
            let name = (stated.stringValue ?? "").quoted
            throw TokenFault("it is made for algorithm \(name), which is not accepted for a key of its type")
        }
    }

    func hasSigned(_ bytes: ArraySlice<UInt8>, _ signature: [UInt8], _ algorithm: TokenAlgorithm) -> Bool {
        switch material {
        case .rsa(let key): Self.hasSigned(key, bytes, .init(rawRepresentation: signature), algorithm)
        case .p256(let key):
            (try? P256.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: SHA256.hash(data: bytes))
            } ?? false
        case .p384(let key):
            (try? P384.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: SHA384.hash(data: bytes))
            } ?? false
        case .p521(let key):
            (try? P521.Signing.ECDSASignature(rawRepresentation: signature)).map {
                key.isValidSignature($0, for: SHA512.hash(data: bytes))
            } ?? false
        case .ed25519(let key): key.isValidSignature(signature, for: bytes)
        }
    }

    private static func hasSigned(
        _ key: _RSA.Signing.PublicKey, _ bytes: ArraySlice<UInt8>, _ signature: _RSA.Signing.RSASignature,
        _ algorithm: TokenAlgorithm
    ) -> Bool {
        switch algorithm {
        case .rs256: key.isValidSignature(signature, for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5)
        case .rs384: key.isValidSignature(signature, for: SHA384.hash(data: bytes), padding: .insecurePKCS1v1_5)
        case .rs512: key.isValidSignature(signature, for: SHA512.hash(data: bytes), padding: .insecurePKCS1v1_5)
        case .ps256: key.isValidSignature(signature, for: SHA256.hash(data: bytes), padding: .PSS)
        case .ps384: key.isValidSignature(signature, for: SHA384.hash(data: bytes), padding: .PSS)
        case .ps512: key.isValidSignature(signature, for: SHA512.hash(data: bytes), padding: .PSS)
        case .es256, .es384, .es512, .edDSA: false
        }
    }

    private static func able(_ material: Material) -> [TokenAlgorithm] {
        switch material {
        case .rsa: [.rs256, .rs384, .rs512, .ps256, .ps384, .ps512]
        case .p256: [.es256]
        case .p384: [.es384]
        case .p521: [.es512]
        case .ed25519: [.edDSA]
        }
    }
}

// MARK: Reading (RFC 7518, 6; RFC 8037, 2)

extension PublicKey {
    private static func material(_ document: JSONValue) throws -> Material {
        switch (document["kty"]?.stringValue, document["crv"]?.stringValue) {
        case ("RSA", _): .rsa(try rsa(document))
        case ("EC", "P-256"): .p256(try P256.Signing.PublicKey(rawRepresentation: try point(document, size: 32)))
        case ("EC", "P-384"): .p384(try P384.Signing.PublicKey(rawRepresentation: try point(document, size: 48)))
        case ("EC", "P-521"): .p521(try P521.Signing.PublicKey(rawRepresentation: try point(document, size: 66)))
        case ("EC", _): throw TokenFault("its curve is none of P-256, P-384 and P-521")
        case ("OKP", "Ed25519"):
            .ed25519(try Curve25519.Signing.PublicKey(rawRepresentation: try bytes("x", document, upTo: 32)))
        case ("OKP", _): throw TokenFault("its curve is not Ed25519")
        default: throw TokenFault("its type is none of RSA, EC and OKP")
        }
    }

    /// A small key is broken; verification takes longer with a larger one, and 8192 bits are more than
    /// anybody's use.
    private static func rsa(_ document: JSONValue) throws -> _RSA.Signing.PublicKey {
        let modulus = try bytes("n", document, upTo: 1040).drop { $0 == 0 }
        let bits = modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0)
        guard bits >= 2048 else { throw TokenFault("its \(bits) bits are fewer than 2048") }
        guard bits <= 8192 else { throw TokenFault("its \(bits) bits are more than 8192") }
        return try _RSA.Signing.PublicKey(n: Array(modulus), e: try bytes("e", document, upTo: 8))
    }

    private static func point(_ document: JSONValue, size: Int) throws -> [UInt8] {
        let (x, y) = (try bytes("x", document, upTo: size), try bytes("y", document, upTo: size))
        guard x.count == size, y.count == size else { throw TokenFault("its x or y has not \(size) bytes") }
        return x + y
    }

    private static func bytes(_ name: String, _ document: JSONValue, upTo limit: Int) throws -> [UInt8] {
        guard let bytes = document[name]?.stringValue.flatMap({ Base64URL.decode($0.utf8) }), !bytes.isEmpty,
            bytes.count <= limit
        else { throw TokenFault("its \(name) is missing or malformed") }
        return bytes
    }
}
