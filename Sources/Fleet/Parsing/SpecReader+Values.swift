extension SpecReader {
    private func wrongType(_ node: SourceNode, _ wanted: String, _ fix: String) {
        if case .scalar(let text, plain: true) = node.value, case .ambiguous(let why) = PlainScalar(text) {
            report(node, "\(text.quoted) \(why), must be \(wanted)", fix)
        } else {
            report(node, "is \(node.kind), must be \(wanted)", fix)
        }
    }

    /// The map's entries by key, after complaints about unknown and missing ones.
    func section(_ node: SourceNode, known: [String], required: [String] = []) -> Section? {
        guard let entries = entries(node) else { return nil }
        var values: [String: SourceNode] = [:]
        var meant: Set<String> = []
        for entry in entries {
            guard known.contains(entry.key) else {
                if let refused = RefusedKey.problem(entry.key) {
                    report(entry.location, entry.value.path, refused)
                    continue
                }
                let nearest = Spelling.nearest(to: entry.key, in: known)
                report(
                    entry.location, entry.value.path,
                    Problem(
                        "unknown key" + (nearest.map { ", did you mean \($0)?" } ?? ""),
                        nearest == nil
                            ? "remove it; known here: \(known.joined(separator: ", "))" : "correct or remove it"))
                if let nearest { meant.insert(nearest) }
                continue
            }
            values[entry.key] = entry.value
        }
        let section = Section(node, values)
        for key in required where values[key] == nil && !meant.contains(key) && !hasFault(at: section.path(key)) {
            report(node.location, section.path(key), Problem("is missing", "add \(key)"))
        }
        return section
    }

    /// All entries of a map whose keys are free, in the order of the file.
    func entries(_ node: SourceNode) -> [SourceNode.Entry]? {
        guard case .map(let entries) = node.value else {
            let name = node.path.split(separator: "/").last.map(String.init) ?? ""
            if name.isEmpty {
                report(
                    node, "the file is \(node.kind), must be a map",
                    "begin with a key and its value, as `convoy init` does")
            } else if node.isEmptyValue {
                report(node, "is empty", "fill it in, or remove \(name)")
            } else {
                wrongType(node, "a map", "write keys and values below \(name), indented")
            }
            return nil
        }
        return entries
    }

    func list(_ node: SourceNode) -> [SourceNode]? {
        guard case .list(let items) = node.value else {
            wrongType(node, "a list", "write it as [first, second]")
            return nil
        }
        return items
    }

    func texts(_ node: SourceNode) -> [String]? {
        guard let items = list(node) else { return nil }
        let texts = items.map { text($0) }
        return texts.contains(nil) ? nil : texts.compactMap(\.self)
    }

    func text(_ node: SourceNode) -> String? {
        if case .scalar(let text, let plain) = node.value, !plain || PlainScalar(text) == .text { return text }
        if node.isEmptyValue {
            report(node, "is empty, must be text", "write a value, or remove the key")
        } else if case .scalar = node.value {
            wrongType(node, "text", "put it in quotes")
        } else {
            wrongType(node, "text", "write one value")
        }
        return nil
    }

    /// The text of any scalar, for values that have a grammar of their own, such as durations.
    func rawText(_ node: SourceNode, example: String) -> String? {
        if case .scalar(let text, _) = node.value, !node.isEmptyValue { return text }
        wrongType(node, "text such as \(example)", "write one value")
        return nil
    }

    func integer(_ node: SourceNode, in range: ClosedRange<Int>) -> Int? {
        guard case .scalar(let text, plain: true) = node.value, case .integer(let number) = PlainScalar(text) else {
            let quoted = if case .scalar(let text, plain: false) = node.value { Int(text) != nil } else { false }
            wrongType(
                node, "a whole number",
                quoted ? "remove the quotes" : "write a number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        guard range.contains(number) else {
            report(
                node, "must be \(range.lowerBound)...\(range.upperBound)",
                number > range.upperBound ? "lower it" : "raise it")
            return nil
        }
        return number
    }

    func number(_ node: SourceNode, in range: ClosedRange<Double>) -> Double? {
        let found: Double? =
            switch node.value {
            case .scalar(let text, plain: true):
                switch PlainScalar(text) {
                case .integer(let whole): Double(whole)
                case .number(let number): number
                default: nil
                }
            default: nil
            }
        guard let found else {
            wrongType(node, "a number", "write a number from \(short(range.lowerBound)) to \(short(range.upperBound))")
            return nil
        }
        guard range.contains(found) else {
            report(
                node, "must be \(short(range.lowerBound))...\(short(range.upperBound))",
                found > range.upperBound ? "lower it" : "raise it")
            return nil
        }
        return found
    }

    private func short(_ number: Double) -> String {
        number == number.rounded() ? "\(Int(number))" : "\(number)"
    }

    func bool(_ node: SourceNode) -> Bool? {
        if case .scalar(let text, plain: true) = node.value, case .bool(let flag) = PlainScalar(text) { return flag }
        wrongType(node, "true or false", "write true or false, without quotes")
        return nil
    }

    func duration(_ node: SourceNode, in range: ClosedRange<Seconds>) -> Seconds? {
        guard let text = rawText(node, example: "30s"),
            let duration = attempt(node, { () throws(Problem) in try Seconds(parsing: text) })
        else { return nil }
        guard range.contains(duration) else {
            report(
                node, "must be \(range.lowerBound.text)...\(range.upperBound.text)",
                duration > range.upperBound ? "lower it" : "raise it")
            return nil
        }
        return duration
    }

    func choice<T: RawRepresentable & CaseIterable>(_ node: SourceNode, _ type: T.Type) -> T?
    where T.RawValue == String {
        guard let text = text(node) else { return nil }
        if let value = T(rawValue: text) { return value }
        let all = T.allCases.map(\.rawValue)
        let nearest = Spelling.nearest(to: text, in: all)
        report(
            node, "\(text.quoted) is not known here" + (nearest.map { ", did you mean \($0)?" } ?? ""),
            "write \(all.joined(separator: " or "))")
        return nil
    }

    /// Any value, strictly: nothing that YAML readers disagree about.
    func json(_ node: SourceNode) -> JSONValue? {
        switch node.value {
        case .list(let items):
            let values = items.map { json($0) }
            return values.contains(nil) ? nil : .array(values.compactMap(\.self))
        case .map(let entries):
            var members: [String: JSONValue] = [:]
            for entry in entries {
                guard let value = json(entry.value) else { continue }
                members[entry.key] = value
            }
            return members.count == entries.count ? .object(members) : nil
        case .scalar(let text, plain: false): return .string(text)
        case .scalar(let text, plain: true):
            switch PlainScalar(text) {
            case .null: return .null
            case .bool(let flag): return .bool(flag)
            case .integer(let number): return .integer(number)
            case .number(let number): return .number(number)
            case .text: return .string(text)
            case .ambiguous(let why):
                report(node, "\(text.quoted) \(why)", "write it as JSON does, or put it in quotes if it is text")
                return nil
            }
        }
    }
}
