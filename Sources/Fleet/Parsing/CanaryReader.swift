/// Reads a canary, in a fleet file or a profile.
struct CanaryReader {
    let reader: SpecReader
    /// What its texts may use; nil when no profile tells.
    let variables: TemplateVariables?

    func read(_ node: SourceNode) -> CanarySpec? {
        guard
            let section = reader.section(
                node, known: ["tool", "arguments", "contains", "excludes"], required: ["tool"])
        else { return nil }
        let tool = section["tool"].flatMap(tool)
        let arguments = section["arguments"].map(arguments) ?? .object([:])
        let contains = section["contains"].map(texts) ?? []
        let excludes = section["excludes"].map(texts) ?? []
        guard let tool, let arguments, let contains, let excludes else { return nil }
        return CanarySpec(tool: tool, arguments: arguments, contains: contains, excludes: excludes)
    }

    private func tool(_ node: SourceNode) -> String? {
        guard let text = reader.text(node) else { return nil }
        guard text.wholeMatch(of: #/[A-Za-z0-9_.\/-]{1,128}/#) != nil else {
            reader.report(node, "\(text.quoted) can't name a tool", "use the name that tools/list gives")
            return nil
        }
        return text
    }

    private func arguments(_ node: SourceNode) -> JSONValue? {
        guard reader.entries(node) != nil else { return nil }
        check(node)
        return reader.json(node)
    }

    private func check(_ node: SourceNode) {
        switch node.value {
        case .list(let items): items.forEach(check)
        case .map(let entries): entries.forEach { check($0.value) }
        case .scalar(let text, _):
            guard let variables else { return }
            _ = reader.attempt(node) { () throws(Problem) in try TemplateText.check(text, variables) }
        }
    }

    private func texts(_ node: SourceNode) -> [String]? {
        guard let items = reader.list(node) else { return nil }
        for item in items {
            if case .scalar("", plain: false) = item.value {
                reader.report(item, "is empty text, which every answer contains", "remove it")
            }
            check(item)
        }
        return reader.texts(node)
    }
}
