/// A client's certificate as nginx tells it (`$ssl_client_escaped_cert`): PEM, its special characters
/// as `%XX`.
package enum ClientCertificate {
    /// DER, of which RFC 8705 takes the SHA-256. Nil when there is none or it can't be read.
    package static func der(escaped: String) -> [UInt8]? {
        guard !escaped.utf8.isEmpty, let pem = unescape(escaped) else { return nil }
        let lines = pem.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d })
        guard let first = lines.first, first.elementsEqual("-----BEGIN CERTIFICATE-----".utf8),
            let end = lines.firstIndex(where: { $0.elementsEqual("-----END CERTIFICATE-----".utf8) }),
            end == lines.count - 1
        else { return nil }
        return decode(lines[1..<end].flatMap { Array($0) })
    }

    private static func unescape(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    /// Base64 with its padding (RFC 4648, 4), by way of the other alphabet.
    private static func decode(_ text: [UInt8]) -> [UInt8]? {
        guard !text.isEmpty, text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var body = Array(text.dropLast(padding))
        for index in body.indices {
            switch body[index] {
            case UInt8(ascii: "+"): body[index] = UInt8(ascii: "-")
            case UInt8(ascii: "/"): body[index] = UInt8(ascii: "_")
            case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
            default: break
            }
        }
        return Base64URL.decode(body)
    }
}

/// Compares so that the time tells nothing about where two values differ.
package enum ConstantTime {
    package static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
