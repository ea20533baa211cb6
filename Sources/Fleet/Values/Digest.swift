/// A SHA-256 digest in lower-case hexadecimal (64 digits), without a prefix.
package struct Digest: Sendable, Hashable, Codable, CustomStringConvertible {
    package let hex: String

    /// Nil unless `hex` is 64 lower-case hexadecimal digits.
    package init?(hex: String) {
        guard hex.utf8.count == 64, hex.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        self.hex = hex
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let digest = Digest(hex: text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a SHA-256 digest")
        }
        self = digest
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }

    /// Twelve digits, as people read it.
    package var short: String { String(hex.prefix(12)) }
    package var description: String { hex }
}
