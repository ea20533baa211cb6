import Crypto
import FoundationEssentials

/// The little of ASN.1 that a forger needs.
enum DER {
    static let ed25519Prefix: [UInt8] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00]
    static let ed25519PrivatePrefix: [UInt8] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]
    private static let sequence: UInt8 = 0x30
    private static let ecdsaWithSHA256: [UInt8] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
    private static let commonName: [UInt8] = [0x06, 0x03, 0x55, 0x04, 0x03]

    /// A certificate over any public key, signed by a key that nobody knows: well-formed and worthless.
    static func certificate(over publicKey: [UInt8]) throws -> [UInt8] {
        let name = wrap(
            sequence,
            wrap(0x31, wrap(sequence, commonName + wrap(0x0c, Array("convoy verify".utf8)))))
        let algorithm = wrap(sequence, ecdsaWithSHA256)
        let validity = wrap(
            sequence, wrap(0x17, Array("200101000000Z".utf8)) + wrap(0x17, Array("491231235959Z".utf8)))
        let body = wrap(
            sequence,
            wrap(0xa0, [0x02, 0x01, 0x02]) + [0x02, 0x01, 0x01] + algorithm + name + validity + name + publicKey)
        let signature = try P256.Signing.PrivateKey().signature(for: Data(body)).derRepresentation
        return wrap(sequence, body + algorithm + wrap(0x03, [0] + Array(signature)))
    }

    private static func wrap(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        switch content.count {
        case ..<0x80: [tag, UInt8(content.count)] + content
        case ..<0x100: [tag, 0x81, UInt8(content.count)] + content
        default: [tag, 0x82, UInt8(content.count >> 8 & 0xff), UInt8(content.count & 0xff)] + content
        }
    }
}
