import Crypto
import CryptoExtras
import Fleet
import FoundationEssentials

extension SigningKey {
    /// Reads a private key in PEM (PKCS#8, SEC 1 or PKCS#1) or as a JWK.
    ///
    /// - Parameters:
    ///   - algorithm: JOSE name; by default the JWK's own `alg`, else the usual one of such a key.
    ///   - keyID: by default the JWK's own `kid`.
    package init(_ text: Secret, algorithm: String? = nil, keyID: String? = nil) throws {
        let source = text.reveal()
        var named = algorithm
        var identifier = keyID
        let material: Material
        if source.drop(while: \.isWhitespace).first == "{" {
            guard let jwk = try? JSONDecoder().decode(JSONValue.self, from: Data(source.utf8)),
                let found = Self.material(jwk)
            else { throw Self.refused("it is no private JWK of a kind that can sign") }
            named = named ?? jwk["alg"]?.stringValue
            identifier = identifier ?? jwk["kid"]?.stringValue
            material = found
        } else {
            guard let found = Self.material(pem: source) else {
                throw Self.refused("it is no private key in PEM: EC, RSA of 2048 bits or more, or Ed25519")
            }
            material = found
        }
        let possible = Self.algorithms(of: material)
        guard possible.contains(named ?? possible[0]) else {
            throw Self.refused("such a key cannot sign \(named ?? ""): choose from \(possible.joined(separator: ", "))")
        }
        self.init(material, algorithm: named ?? possible[0], keyID: identifier)
    }

    private static func algorithms(of material: Material) -> [String] {
        switch material {
        case .p256: ["ES256"]
        case .p384: ["ES384"]
        case .p521: ["ES512"]
        case .ed25519: ["EdDSA"]
        case .rsa: ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
        }
    }

    private static func material(pem: String) -> Material? {
        if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) { return .p256(key) }
        if let key = try? P384.Signing.PrivateKey(pemRepresentation: pem) { return .p384(key) }
        if let key = try? P521.Signing.PrivateKey(pemRepresentation: pem) { return .p521(key) }
        if let key = try? _RSA.Signing.PrivateKey(pemRepresentation: pem) { return .rsa(key) }
        let lines = pem.split(whereSeparator: \.isNewline)
        guard lines.first == "-----BEGIN PRIVATE KEY-----",
            let der = Data(base64Encoded: lines.filter { !$0.hasPrefix("-") }.joined()),
            der.starts(with: DER.ed25519PrivatePrefix)
        else { return nil }
        let raw = der.dropFirst(DER.ed25519PrivatePrefix.count).prefix(32)
        return (try? Curve25519.Signing.PrivateKey(rawRepresentation: raw)).map { .ed25519($0) }
    }

    private static func material(_ jwk: JSONValue) -> Material? {
        func bytes(_ name: String) -> Data? {
            guard var text = jwk[name]?.stringValue else { return nil }
            text = text.replacing("-", with: "+").replacing("_", with: "/")
            return Data(base64Encoded: text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4))
        }
        switch (jwk["kty"]?.stringValue, jwk["crv"]?.stringValue) {
        case ("EC", "P-256"):
            return bytes("d").flatMap { try? P256.Signing.PrivateKey(rawRepresentation: $0) }.map { .p256($0) }
        case ("EC", "P-384"):
            return bytes("d").flatMap { try? P384.Signing.PrivateKey(rawRepresentation: $0) }.map { .p384($0) }
        case ("EC", "P-521"):
            return bytes("d").flatMap { try? P521.Signing.PrivateKey(rawRepresentation: $0) }.map { .p521($0) }
        case ("OKP", "Ed25519"):
            return bytes("d").flatMap { try? Curve25519.Signing.PrivateKey(rawRepresentation: $0) }
                .map { .ed25519($0) }
        case ("RSA", _):
            guard let n = bytes("n"), let e = bytes("e"), let d = bytes("d"), let p = bytes("p"), let q = bytes("q")
            else { return nil }
            return (try? _RSA.Signing.PrivateKey(n: n, e: e, d: d, p: p, q: q)).map { .rsa($0) }
        default: return nil
        }
    }

    private static func refused(_ why: String) -> Failure {
        Failure(
            .usage, "cannot use the issuer's key", because: why,
            next: "give the private key that signs the issuer's tokens, in PEM or as a JWK")
    }
}
