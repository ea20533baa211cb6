/// The audit as entries of the journal: the line as it is in a file, and of each what people look for as a field
/// of its own, so that `journalctl CONVOY_SUBJECT=alice` finds all that she was refused.
package struct AuditEntry: Sendable, Equatable {
    /// The line, without its end.
    package let message: String
    /// By names such as `CONVOY_DECISION`; of what the line does not say there is none.
    package private(set) var fields: [String: String] = [:]

    /// Whether somebody was turned away.
    package var isRefusal: Bool { (Int(fields["CONVOY_DECISION"] ?? "") ?? 0) >= 300 }

    private static let names: [String: String] = [
        "event": "CONVOY_EVENT", "requestId": "CONVOY_REQUEST_ID", "pool": "CONVOY_POOL", "subject": "CONVOY_SUBJECT",
        "decision": "CONVOY_DECISION", "reason": "CONVOY_REASON", "tool": "CONVOY_TOOL", "issuer": "CONVOY_ISSUER",
        "client": "CONVOY_CLIENT", "mcpMethod": "CONVOY_MCP_METHOD",
    ]

    /// - Parameter line: one of `AuditLine`: a flat object of texts and numbers.
    package init(line: ArraySlice<UInt8>) {
        message = String(decoding: line, as: UTF8.self)
        var reader = FlatReader(rest: line)
        while let (name, value) = reader.next() {
            if let field = Self.names[name], !value.isEmpty { fields[field] = value }
        }
    }
}

/// Reads what `AuditLine` wrote; a whole JSON parser for each decision would cost as much as the decision.
private struct FlatReader {
    var rest: ArraySlice<UInt8>

    mutating func next() -> (String, String)? {
        guard let name = text(), take(UInt8(ascii: ":")) else { return nil }
        if rest.first == UInt8(ascii: "\"") { return text().map { (name, $0) } }
        let number = rest.prefix { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "}") }
        rest = rest.dropFirst(number.count)
        return (name, String(decoding: number, as: UTF8.self))
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest = rest.dropFirst()
        return true
    }

    private mutating func text() -> String? {
        guard let start = rest.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        rest = rest[(start + 1)...]
        var units: [UInt16] = []
        while let byte = rest.first {
            rest = rest.dropFirst()
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: units, as: UTF16.self)
            case UInt8(ascii: "\\"): units.append(escaped())
            default: units.append(UInt16(byte))
            }
        }
        return nil
    }

    /// `\uXXXX`, or the escaped character itself.
    private mutating func escaped() -> UInt16 {
        guard let byte = rest.popFirst() else { return 0xfffd }
        guard byte == UInt8(ascii: "u") else { return UInt16(byte) }
        let digits = rest.prefix(4)
        rest = rest.dropFirst(4)
        return UInt16(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0xfffd
    }
}

extension AuditLog {
    /// Each line is given to `send` as an entry, in order, by one thread at a time.
    package static func journal(_ send: @escaping @Sendable (AuditEntry) -> Void) -> AuditLog {
        AuditLog { bytes in
            for line in bytes.split(separator: 0x0a) { send(AuditEntry(line: line)) }
        }
    }
}
