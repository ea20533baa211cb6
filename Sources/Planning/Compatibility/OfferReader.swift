import Fleet
import Foundation

extension ReleaseOffer {
    /// More tools than these are left out, and schemas beyond these sizes are known by their digest only: a
    /// server must not fill the memory of whoever asks it.
    static let toolLimit = 1000
    static let schemaLimit = 64 * 1024
    static let totalLimit = 1024 * 1024

    /// - Parameter listing: tools as a server lists them, over all pages. One without a name is left out.
    package init(eras: [Era], listing: [JSONValue]) {
        var left = Self.totalLimit
        let named = listing.compactMap { tool in tool["name"]?.stringValue.map { (name: $0, tool: tool) } }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        let tools = named.prefix(Self.toolLimit).compactMap { name, tool in
            Self.read(name, tool, left: &left)
        }
        self.init(eras: eras, tools: tools)
    }

    private static func read(_ name: String, _ tool: JSONValue, left: inout Int) -> ToolOffer? {
        let input = tool["inputSchema"]?.withoutProse() ?? .object([:])
        let text = input.canonicalText
        guard let digest = Digest.of(text) else { return nil }
        let isKept = text.utf8.count <= min(schemaLimit, left)
        if isKept { left -= text.utf8.count }
        return ToolOffer(
            name: name, input: isKept ? input : nil, inputDigest: digest,
            outputDigest: tool["outputSchema"].flatMap { Digest.of($0.withoutProse().canonicalText) },
            readsOnly: tool["annotations"]?["readOnlyHint"]?.boolValue)
    }
}

extension JSONValue {
    /// A schema without what is only said to people, or could repeat a secret: a default is what the server was
    /// told, perhaps a connection string.
    func withoutProse(depth: Int = 0) -> JSONValue {
        // Deeper than any real schema: anything may stand there.
        guard depth < 32 else { return .bool(true) }
        switch self {
        case .array(let items): return .array(items.map { $0.withoutProse(depth: depth + 1) })
        case .object(let members):
            var kept: [String: JSONValue] = [:]
            for (key, value) in members where !Self.prose.contains(key) {
                kept[key] =
                    Self.named.contains(key) ? value.namedSchemas(depth + 1) : value.withoutProse(depth: depth + 1)
            }
            return .object(kept)
        default: return self
        }
    }

    /// Its keys are names that the server chose, and not words of JSON Schema.
    private func namedSchemas(_ depth: Int) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.mapValues { $0.withoutProse(depth: depth) })
    }

    private static let prose: Set<String> = [
        "description", "title", "default", "examples", "example", "$comment", "deprecated",
    ]
    private static let named: Set<String> = ["properties", "patternProperties", "$defs", "definitions"]

    var canonicalText: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Numbers that came out of JSON go back into it.
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
