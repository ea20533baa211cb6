import Glibc

/// One line of the audit. Texts of clients are bounded and escaped: a client can't forge a line.
package struct AuditLine: Sendable {
    package enum Value: Sendable {
        case text(String)
        case number(Int)
    }

    package let bytes: [UInt8]
    private static let textLimit = 256

    /// `at` in seconds since 1970.
    package init(at: Double, _ fields: [(String, Value)]) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        bytes += "{\"ts\":\"".utf8
        bytes += Self.timestamp(at).utf8
        bytes.append(UInt8(ascii: "\""))
        for (name, value) in fields {
            bytes += ",\"".utf8
            bytes += name.utf8
            bytes += "\":".utf8
            switch value {
            case .text(let text): Self.append(text, to: &bytes)
            case .number(let number): bytes += String(number).utf8
            }
        }
        bytes += "}\n".utf8
        self.bytes = bytes
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        defer { bytes.append(UInt8(ascii: "\"")) }
        // Nearly every text there is.
        if text.utf8.count <= textLimit, text.utf8.allSatisfy({ 0x20..<0x7f ~= $0 && $0 != 0x22 && $0 != 0x5c }) {
            bytes.append(contentsOf: text.utf8)
            return
        }
        let digits = Array("0123456789abcdef".utf8)
        for scalar in text.unicodeScalars.prefix(textLimit) {
            switch scalar.value {
            case 0x22, 0x5c: bytes += [0x5c, UInt8(scalar.value)]
            case 0x20..<0x7f: bytes.append(UInt8(scalar.value))
            default:
                for unit in String(scalar).utf16 {
                    bytes += "\\u".utf8
                    for shift in [12, 8, 4, 0] { bytes.append(digits[Int(unit >> UInt16(shift) & 15)]) }
                }
            }
        }
    }

    /// `2026-11-21T09:05:03.042Z`
    private static func timestamp(_ at: Double) -> String {
        var seconds = time_t(at)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func padded(_ number: Int32, _ width: Int = 2) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        let milliseconds = Int32((at - Double(seconds)) * 1000)
        return padded(parts.tm_year + 1900, 4) + "-" + padded(parts.tm_mon + 1) + "-" + padded(parts.tm_mday) + "T"
            + padded(parts.tm_hour) + ":" + padded(parts.tm_min) + ":" + padded(parts.tm_sec) + "."
            + padded(milliseconds, 3) + "Z"
    }
}
