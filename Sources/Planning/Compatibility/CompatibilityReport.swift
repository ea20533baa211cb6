import Fleet

/// What callers of the current generation find changed in the next one. In JSON as in
/// `ops/schemas/plan.schema.json`. Holds names that servers chose, without control characters, and no values.
package struct CompatibilityReport: Sendable, Equatable, Codable {
    /// Versions.
    package var from: String
    package var to: String
    /// False: one of the two has never run with these settings, so that nothing is known before it does. The
    /// lists of tools and eras are empty then.
    package var known: Bool
    /// Whether anything may fail that was right before: a rollout goes on only when it is told to.
    package var breaking: Bool
    /// Names, sorted.
    package var toolsAdded: [String]
    package var toolsRemoved: [String]
    package var toolsChanged: [ToolChange]
    package var erasGained: [Era]
    package var erasLost: [Era]
    /// Names of settings that are in use and that the next profile does not know.
    package var settingsLost: [String]

    package struct ToolChange: Sendable, Equatable, Codable {
        package var tool: String
        package var changes: [SchemaChange]
        package var breaking: Bool

        package init(tool: String, changes: [SchemaChange]) {
            self.tool = tool
            self.changes = changes
            breaking = changes.contains(where: \.breaking)
        }
    }

    package init(
        from: String, to: String, known: Bool = true, toolsAdded: [String] = [], toolsRemoved: [String] = [],
        toolsChanged: [ToolChange] = [], erasGained: [Era] = [], erasLost: [Era] = [], settingsLost: [String] = []
    ) {
        self.from = from
        self.to = to
        self.known = known
        breaking = !toolsRemoved.isEmpty || !erasLost.isEmpty || toolsChanged.contains(where: \.breaking)
        self.toolsAdded = toolsAdded
        self.toolsRemoved = toolsRemoved
        self.toolsChanged = toolsChanged
        self.erasGained = erasGained
        self.erasLost = erasLost
        self.settingsLost = settingsLost
    }
}

/// One difference between two schemas of the same tool.
package struct SchemaChange: Sendable, Equatable, Codable {
    package enum Kind: String, Sendable, Equatable, Codable, CaseIterable {
        case added, removed, required, optional, type, values, bounds, answer, annotation, other
    }

    package var kind: Kind
    /// Path such as `filter.limit` or `ids[]`; empty when it is about the whole tool.
    package var property: String
    /// What is different, in words.
    package var detail: String
    /// Whether a call that was right before may be refused now.
    package var breaking: Bool

    package init(_ kind: Kind, _ property: String, _ detail: String, breaking: Bool = false) {
        self.kind = kind
        self.property = property
        self.detail = detail
        self.breaking = breaking
    }

    /// `limit is required now`
    package var words: String { property.isEmpty ? "it \(detail)" : "\(property) \(detail)" }
}

// MARK: Words

extension CompatibilityReport {
    package var isEmpty: Bool {
        toolsAdded.isEmpty && toolsRemoved.isEmpty && toolsChanged.isEmpty && erasGained.isEmpty && erasLost.isEmpty
            && settingsLost.isEmpty
    }

    /// `tools: 2 removed, 1 added, 3 changed; eras: legacy lost`
    package var summary: String {
        guard known else { return "not compared yet: it is when it runs" }
        guard !isEmpty else { return "the same tools, eras and settings" }
        let tools = [(toolsRemoved.count, "removed"), (toolsAdded.count, "added"), (toolsChanged.count, "changed")]
            .filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        let eras = erasLost.map { "\($0.rawValue) lost" } + erasGained.map { "\($0.rawValue) gained" }
        let settings = settingsLost.isEmpty ? [] : ["\(settingsLost.count) lost"]
        return [("tools", tools), ("eras", eras), ("settings", settings)].filter { !$0.1.isEmpty }
            .map { "\($0.0): \($0.1.joined(separator: ", "))" }.joined(separator: "; ")
    }

    /// Why there must be no flip; nil when nothing breaks.
    package var refusal: String? {
        guard breaking else { return nil }
        var reasons: [String] = []
        if !toolsRemoved.isEmpty { reasons.append("\(Self.some(toolsRemoved)) no longer listed") }
        for change in toolsChanged where change.breaking {
            reasons += change.changes.filter(\.breaking).prefix(1).map { "\(change.tool): \($0.words)" }
        }
        if !erasLost.isEmpty { reasons.append("era \(erasLost.map(\.rawValue).joined(separator: ", ")) lost") }
        let shown = reasons.prefix(4).joined(separator: "; ")
        let more = reasons.count > 4 ? "; and \(reasons.count - 4) more" : ""
        return "callers of \(from) would meet \(to) with \(shown)\(more); "
            + "`--accept-breaking` rolls all the same"
    }

    /// One for each difference, those that break first, without a newline and at most 76 columns wide.
    package func lines(limit: Int = 40) -> [String] {
        var lines = toolsRemoved.map { (true, "- tool \($0)") }
        lines += erasLost.map { (true, "- era \($0.rawValue)") }
        for change in toolsChanged {
            lines += change.changes.map { ($0.breaking, "~ tool \(change.tool): \($0.words)") }
        }
        lines += toolsAdded.map { (false, "+ tool \($0)") }
        lines += erasGained.map { (false, "+ era \($0.rawValue)") }
        lines += settingsLost.map { (false, "- setting \($0)") }
        let sorted = lines.filter(\.0) + lines.filter { !$0.0 }
        let texts = sorted.prefix(limit).map { line in
            let (isBreaking, text) = line
            let room = isBreaking ? 66 : 76
            let shown = text.count > room ? text.prefix(room - 3) + "..." : text
            return shown + (isBreaking ? " (breaks)" : "")
        }
        return texts + (sorted.count > limit ? ["and \(sorted.count - limit) more: see `convoy plan --json`"] : [])
    }

    private static func some(_ names: [String]) -> String {
        let shown = names.prefix(5).joined(separator: ", ")
        let more = names.count > 5 ? " and \(names.count - 5) more" : ""
        return "\(names.count == 1 ? "tool" : "tools") \(shown)\(more)"
    }
}
