/// Reads what a pool lets its clients do: `tools`, `legacyTools`, `clients` and `limits`. What is
/// wrong is reported, and then missing in the result: a spec with a report is never used.
struct PoolRulesReader {
    let reader: SpecReader
    private static let most = 256

    func read(_ section: Section) -> (tools: ToolRule?, clients: [AddressBlock]?, limits: LimitsSpec?) {
        let legacy = section["legacyTools"].flatMap { reader.choice($0, ToolRule.LegacyTools.self) }
        if let node = section["legacyTools"], section["tools"] == nil {
            reader.report(
                node, "is not used: every tool of this pool may be called",
                "remove it, or say which tools may be called")
        }
        let tools = section["tools"].flatMap { self.tools($0, legacy ?? .refused) }
        return (tools, section["clients"].flatMap(clients), section["limits"].flatMap(limits))
    }

    private func tools(_ node: SourceNode, _ legacy: ToolRule.LegacyTools) -> ToolRule? {
        let kinds = ToolRule.Kind.allCases
        guard let section = reader.section(node, known: kinds.map(\.rawValue)) else { return nil }
        let said = kinds.filter { section[$0.rawValue] != nil }
        guard let kind = said.first, said.count == 1, let list = section[kind.rawValue] else {
            if !said.isEmpty || !reader.diagnostics.contains(where: { $0.path.hasPrefix(node.path + "/") }) {
                reader.report(
                    node, said.isEmpty ? "says nothing" : "both allows and denies",
                    "write either {allow: [find, count]} or {deny: [export]}")
            }
            return nil
        }
        let names = items(list, "tool") { item -> String? in
            guard let name = reader.text(item) else { return nil }
            return reader.attempt(item) { () throws(Problem) in
                try ToolNameRule.check(name)
                return name
            }
        }
        return names.map { ToolRule(kind, $0, legacyTools: legacy) }
    }

    private func clients(_ node: SourceNode) -> [AddressBlock]? {
        items(node, "address") { item in
            guard let text = reader.rawText(item, example: "10.0.0.0/8") else { return nil }
            return reader.attempt(item) { () throws(Problem) in try AddressBlock(parsing: text) }
        }
    }

    private func items<T: Hashable>(_ node: SourceNode, _ kind: String, _ read: (SourceNode) -> T?) -> [T]? {
        guard let list = reader.list(node) else { return nil }
        guard (1...Self.most).contains(list.count) else {
            reader.report(
                node, list.isEmpty ? "there is no \(kind)" : "is longer than \(Self.most) entries",
                list.isEmpty ? "add at least one, or remove the key" : "shorten it")
            return nil
        }
        var seen: Set<T> = []
        let values = list.map { item -> T? in
            guard let value = read(item) else { return nil }
            guard seen.insert(value).inserted else {
                reader.report(item, "the \(kind) is there twice", "remove one")
                return nil
            }
            return value
        }
        return values.contains(nil) ? nil : values.compactMap(\.self)
    }

    private func limits(_ node: SourceNode) -> LimitsSpec? {
        guard let section = reader.section(node, known: ["rate", "burst", "body"]) else { return nil }
        let burst = section["burst"].flatMap { reader.integer($0, in: 1...1_000_000) }
        if let node = section["burst"], section["rate"] == nil {
            reader.report(node, "is not used without a rate", "add rate: 50/s, or remove burst")
        }
        var limits = LimitsSpec()
        limits.rate = section["rate"].flatMap { node in
            guard let text = reader.rawText(node, example: "50/s") else { return nil }
            return reader.attempt(node) { () throws(Problem) in try RateLimit(parsing: text, burst: burst) }
        }
        limits.body = section["body"].flatMap(body)
        return limits
    }

    private func body(_ node: SourceNode) -> Int? {
        let range = 1000...64_000_000
        guard let text = reader.rawText(node, example: "1MB"),
            let bytes = reader.attempt(node, { () throws(Problem) in try ByteSize.parse(text) })
        else { return nil }
        guard range.contains(bytes) else {
            reader.report(
                node, "must be \(ByteSize.text(range.lowerBound))...\(ByteSize.text(range.upperBound))",
                bytes > range.upperBound ? "lower it" : "raise it")
            return nil
        }
        return bytes
    }
}
