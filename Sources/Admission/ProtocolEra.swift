import Fleet

extension AccessRequest {
    /// The first revision without sessions, and the first that obliges servers to compare `Mcp-Method`
    /// and `Mcp-Name` with the body.
    private static let firstModern = "2026-07-28"

    /// What `MCP-Protocol-Version` says: a revision's date, exactly as the specification spells it. Of
    /// no version, an unknown one, or several nothing follows: they are legacy.
    ///
    /// The edge drops session ids of modern requests by a pattern of its own. Whatever is modern here
    /// must be so there, or an id would pass that nobody has judged: so only dates of a calendar are.
    package var era: Era {
        var text = protocolVersion
        return text.withUTF8 { bytes in
            guard bytes.count == 10 else { return .legacy }
            for (index, byte) in bytes.enumerated() {
                let fits = index == 4 || index == 7 ? byte == UInt8(ascii: "-") : (0x30...0x39).contains(byte)
                guard fits else { return .legacy }
            }
            guard !bytes.lexicographicallyPrecedes(Self.firstModern.utf8) else { return .legacy }
            let month = (bytes[5] - 0x30) * 10 + bytes[6] - 0x30
            let day = (bytes[8] - 0x30) * 10 + bytes[9] - 0x30
            return (1...12).contains(month) && (1...31).contains(day) ? .modern : .legacy
        }
    }
}

/// Ids of sessions: visible ASCII (MCP 2025-11-25, Session Management), and no longer than anybody makes them.
package enum SessionID {
    package static func isWellFormed(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}
