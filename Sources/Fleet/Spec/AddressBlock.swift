/// IP addresses with the same first bits, such as `10.0.0.0/8`. IPv4 and IPv6 are kept apart: `::/0`
/// holds no IPv4 address, however that is spelt.
package struct AddressBlock: Sendable, Hashable {
    /// 4 bytes or 16; the bits behind the prefix are 0.
    package let bytes: [UInt8]
    package let prefix: Int

    /// Nil when the sizes don't fit, or bits are set behind the prefix.
    package init?(bytes: [UInt8], prefix: Int) {
        guard bytes.count == 4 || bytes.count == 16, (0...bytes.count * 8).contains(prefix),
            bytes == Self.masked(bytes, prefix)
        else { return nil }
        self.bytes = bytes
        self.prefix = prefix
    }

    /// `address` as `IPAddress.bytes` gives it.
    package func contains(_ address: [UInt8]) -> Bool {
        address.count == bytes.count && Self.masked(address, prefix) == bytes
    }

    static func masked(_ bytes: [UInt8], _ prefix: Int) -> [UInt8] {
        bytes.enumerated().map { index, byte in
            let kept = min(max(prefix - index * 8, 0), 8)
            return kept == 0 ? 0 : byte & (0xff << UInt8(8 - kept))
        }
    }
}

extension AddressBlock: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do { try self.init(parsing: try container.decode(String.self)) } catch let problem as Problem {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: problem.what)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
