import Fleet

/// Says whether a pool's rule lets a request through, by its headers. It never sees a body, so it
/// believes them only where the server is obliged to refuse a body that says otherwise: a request
/// whose `Mcp-Method` says `tools/list` while its body calls a tool is for such a server to refuse.
struct ToolJudge: Sendable, Equatable {
    private let rule: ToolRule
    private let comparesHeaders: Bool
    private let denied: Set<[UInt8]>

    init(_ rule: ToolRule, comparesHeaders: Bool) {
        self.rule = rule
        self.comparesHeaders = comparesHeaders
        denied = rule.kind == .deny ? Set(rule.names.map(Self.folded)) : []
    }

    /// Nil when it may pass; else why not.
    func refusal(of request: AccessRequest) -> String? {
        guard request.era == .modern else {
            // Also the batches of 2025-03-26, which hold several calls.
            return rule.legacyTools == .limited ? nil : "a request of the legacy era does not say which tool it calls"
        }
        // Others carry no message; a modern server answers 405.
        guard request.method.isExactly("POST") else { return nil }
        guard comparesHeaders else {
            return rule.legacyTools == .limited ? nil : "the server does not compare Mcp-Name with the body"
        }
        guard Self.isMethod(request.mcpMethod) else { return "Mcp-Method is missing or malformed" }
        // In any case of letters: a server that is lax about them must not be laxer than this.
        guard Self.folded(request.mcpMethod) == Array("tools/call".utf8) else { return nil }
        switch HeaderValue.decode(request.mcpName) {
        case nil: return "Mcp-Name is missing or malformed"
        case let name?: return permits(name) ? nil : "the tool may not be called in this pool"
        }
    }

    private func permits(_ name: String) -> Bool {
        switch rule.kind {
        case .allow: rule.names.containsExactly(name)
        // What looks like a denied name to some server must not pass, so only plain names can.
        case .deny: ToolNameRule.isPlain(name) && !denied.contains(Self.folded(name))
        }
    }

    private static func isMethod(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x61...0x7a).contains($0 | 0x20) || (0x30...0x39).contains($0) || "/_-.$".utf8.contains($0)
            }
    }

    private static func folded(_ text: String) -> [UInt8] {
        text.utf8.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
    }
}

/// Values of `Mcp-Name` (MCP 2026-07-28, Streamable HTTP): plain, or `=?base64?...?=` for what a header can't hold.
enum HeaderValue {
    private static let opening = Array("=?base64?".utf8)
    private static let closing = Array("?=".utf8)

    /// Nil for an empty value, one that is malformed, or one that looks encoded in another way.
    static func decode(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, bytes.count <= 1024, bytes.allSatisfy({ (0x20...0x7e).contains($0) }),
            bytes.first != 0x20, bytes.last != 0x20
        else { return nil }
        guard bytes.starts(with: [UInt8(ascii: "="), UInt8(ascii: "?")]) else { return text }
        guard bytes.starts(with: opening), bytes.suffix(2).elementsEqual(closing),
            bytes.count > opening.count + closing.count,
            let decoded = base64(bytes[opening.count..<bytes.count - closing.count]), !decoded.isEmpty
        else { return nil }
        return String(validating: decoded, as: UTF8.self)
    }

    /// The one canonical spelling of RFC 4648, section 4, with its padding.
    private static func base64(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var body: [UInt8] = []
        for byte in text.dropLast(padding) {
            switch byte {
            case UInt8(ascii: "+"): body.append(UInt8(ascii: "-"))
            case UInt8(ascii: "/"): body.append(UInt8(ascii: "_"))
            case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
            default: body.append(byte)
            }
        }
        return Base64URL.decode(body)
    }
}

extension AccessRequest {
    /// The tool that the request says it calls, decoded, for the audit. Said, not proved, unless the
    /// server is of the modern era.
    package var tool: String? { mcpMethod.isExactly("tools/call") ? HeaderValue.decode(mcpName) : nil }
}
