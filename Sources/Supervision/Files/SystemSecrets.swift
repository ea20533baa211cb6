import Fleet
import Ports

/// Secrets from the kernel's generator, spelt in base64url without padding.
package struct SystemSecrets: SecretSource {
    package init() {}

    package func secret(bytes: Int) -> Secret {
        // On Linux it reads getrandom, and aborts rather than give weak bytes.
        var random = SystemRandomNumberGenerator()
        return Secret(Self.base64URL((0..<bytes).map { _ in UInt8.random(in: .min ... .max, using: &random) }))
    }

    static func base64URL(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var text = ""
        var (bits, held) = (0, 0)
        for byte in bytes {
            bits = bits << 8 | Int(byte)
            held += 8
            while held >= 6 {
                held -= 6
                text.append(alphabet[bits >> held & 63])
            }
            bits &= 1 << held - 1
        }
        if held > 0 { text.append(alphabet[bits << (6 - held) & 63]) }
        return text
    }
}
