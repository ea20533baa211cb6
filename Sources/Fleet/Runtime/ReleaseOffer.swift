/// What a generation offers to clients: the eras that it speaks and the tools that it lists.
package struct ReleaseOffer: Sendable, Equatable, Codable {
    package var eras: [Era]
    /// Sorted by name.
    package var tools: [ToolOffer]

    package init(eras: [Era], tools: [ToolOffer]) {
        self.eras = eras
        self.tools = tools
    }
}

/// A tool as its callers rely on it. It holds no text in which a server might repeat what it was told: no
/// description, no default, no example.
package struct ToolOffer: Sendable, Equatable, Codable {
    package var name: String
    /// JSON Schema of the arguments; nil when it is too large to be kept.
    package var input: JSONValue?
    package var inputDigest: Digest
    /// Of the JSON Schema of its answers, when it has one.
    package var outputDigest: Digest?
    /// What the tool says of itself; nil when it says nothing.
    package var readsOnly: Bool?

    package init(
        name: String, input: JSONValue?, inputDigest: Digest, outputDigest: Digest? = nil, readsOnly: Bool? = nil
    ) {
        self.name = name
        self.input = input
        self.inputDigest = inputDigest
        self.outputDigest = outputDigest
        self.readsOnly = readsOnly
    }
}
