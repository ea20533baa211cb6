extension String {
    /// Equal byte for byte. Swift's `==` also takes canonical equivalents: there the Kelvin sign
    /// equals `K`, and an issuer or scope must not be told by its look.
    package func isExactly(_ other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let isSame = utf8.withContiguousStorageIfAvailable { mine in
            other.utf8.withContiguousStorageIfAvailable { mine.elementsEqual($0) }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}

extension Sequence<String> {
    package func containsExactly(_ text: String) -> Bool { contains { $0.isExactly(text) } }
}

/// Makes text fit for HTTP headers: nothing that goes through here can end a header or a quote.
package enum HeaderText {
    /// A quoted-string (RFC 9110, 5.6.4), quotes included. Other than printable ASCII is left out.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars where (0x20...0x7e).contains(scalar.value) {
            if scalar == "\"" || scalar == "\\" { result.unicodeScalars.append("\\") }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }

    /// Visible ASCII; every other byte, and `%` itself, as `%XX`: different subjects stay different.
    /// Nil when empty, or longer than `limit` bytes after that.
    package static func visible(_ text: String, limit: Int) -> String? {
        if text.utf8.isEmpty || text.utf8.count > limit { return nil }
        if text.utf8.allSatisfy({ isPlain($0) }) { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return bytes.count <= limit ? String(decoding: bytes, as: UTF8.self) : nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool { (0x21...0x7e).contains(byte) && byte != 0x25 }
}
