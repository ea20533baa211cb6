import Crypto

/// Half of a SHA-256: an owner or a session, without saying which to who reads it.
package struct Digest128: Sendable, Hashable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Keyed, so that nobody who can only guess texts can tell digests, or choose where they collide.
    /// Parts are kept apart by their lengths.
    init(_ parts: [String], key: SymmetricKey) {
        var text: [UInt8] = []
        for part in parts {
            withUnsafeBytes(of: UInt64(part.utf8.count).littleEndian) { text.append(contentsOf: $0) }
            text.append(contentsOf: part.utf8)
        }
        let code = HMAC<SHA256>.authenticationCode(for: text, using: key)
        let (high, low) = code.withUnsafeBytes { bytes in
            (bytes.loadUnaligned(as: UInt64.self), bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        }
        self.init(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
    }

    /// Exactly 32 lower-case hexadecimal digits.
    package init?(hex: String) {
        let bytes = Array(hex.utf8)
        guard bytes.count == 32, bytes.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
            let high = UInt64(hex.prefix(16), radix: 16), let low = UInt64(hex.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    package var hex: String { Self.padded(high) + Self.padded(low) }

    /// In the same time whatever differs.
    func matches(_ other: Digest128) -> Bool { (high ^ other.high) | (low ^ other.low) == 0 }

    private static func padded(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
