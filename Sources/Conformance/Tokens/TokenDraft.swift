import Admission
import Crypto
import Fleet
import FoundationEssentials

/// A token before it is signed: every part of it can be made wrong.
struct TokenDraft: Sendable {
    enum Signer: Sendable {
        /// The issuer's own key: the token is genuine, whatever it says.
        case issuer
        /// A key of the same kind that the issuer doesn't know.
        case stranger
        case hmac(key: [UInt8])
        case bytes([UInt8])
    }

    var header: Members
    var claims: Members
    var signer = Signer.issuer
    /// Replaces the payload as a whole.
    var payload: String?
    /// The last change, to the finished text.
    var respell: @Sendable (String) -> String = { $0 }

    /// The compact form.
    func text(_ key: SigningKey, stranger: SigningKey) throws -> String {
        let signed =
            Base64URL.encode(header.json.utf8) + "." + Base64URL.encode((payload ?? claims.json).utf8)
        let signature: [UInt8]
        switch signer {
        case .issuer: signature = try key.sign(Array(signed.utf8))
        case .stranger: signature = try stranger.sign(Array(signed.utf8))
        case .hmac(let secret):
            signature = Array(
                HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: SymmetricKey(data: secret)))
        case .bytes(let bytes): signature = bytes
        }
        return respell(signed + "." + Base64URL.encode(signature))
    }
}
