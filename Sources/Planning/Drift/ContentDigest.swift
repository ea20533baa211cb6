import Crypto
import Fleet

extension Fleet.Digest {
    /// SHA-256 of the bytes.
    package static func of(_ bytes: some Sequence<UInt8>) -> Fleet.Digest? {
        var hash = SHA256()
        hash.update(data: Array(bytes))
        let digits = Array("0123456789abcdef")
        return Fleet.Digest(hex: String(hash.finalize().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }))
    }

    package static func of(_ text: String) -> Fleet.Digest? { of(Array(text.utf8)) }
}
