import Fleet

/// Compares two JSON Schemas of a tool's arguments: what does a caller meet who goes by the old one? What it
/// does not understand (`if`, `not`, patterns) it tells of at most, and never calls breaking.
struct SchemaJudge {
    private let old: SchemaBook
    private let new: SchemaBook
    private var found: [SchemaChange] = []
    private static let depthLimit = 8
    private static let changeLimit = 50

    init(_ old: JSONValue, _ new: JSONValue) {
        self.old = SchemaBook(root: old)
        self.new = SchemaBook(root: new)
    }

    func changes() -> [SchemaChange] {
        var judge = self
        judge.compare(old.root, new.root, at: "", isNeeded: true, depth: 0)
        return Array(judge.found.prefix(Self.changeLimit))
    }

    private mutating func add(_ kind: SchemaChange.Kind, _ path: String, _ detail: String, breaking: Bool = false) {
        let shown = path.isEmpty ? "" : Excerpt(path, length: 64).description
        found.append(SchemaChange(kind, shown, detail, breaking: breaking))
    }

    /// - Parameter isNeeded: whether the value has to be there; one that may be left out may also stop being null.
    private mutating func compare(_ old: JSONValue, _ new: JSONValue, at path: String, isNeeded: Bool, depth: Int) {
        guard depth < Self.depthLimit, found.count < Self.changeLimit else { return }
        let (before, after) = (self.old.core(of: old), self.new.core(of: new))
        // The arguments as a whole are an object, whether it is said or not.
        if depth > 0 { compareTypes(self.old.types(of: old), self.new.types(of: new), path, isNeeded) }
        compareValues(before, after, path)
        compareBounds(before, after, path)
        compareProperties(before, after, path, depth)
        if let items = before["items"], let newItems = after["items"] {
            compare(items, newItems, at: path + "[]", isNeeded: true, depth: depth + 1)
        }
        for key in ["pattern", "format", "multipleOf", "uniqueItems"] where before[key] != after[key] {
            add(.other, path, "has another \(key)")
        }
    }

    // MARK: Properties

    private mutating func compareProperties(_ old: JSONValue, _ new: JSONValue, _ path: String, _ depth: Int) {
        let (before, after) = (old["properties"]?.objectValue ?? [:], new["properties"]?.objectValue ?? [:])
        let (needed, needs) = (Self.required(old), Self.required(new))
        for name in Set(before.keys).union(after.keys).union(needs).sorted() {
            let place = path.isEmpty ? name : "\(path).\(name)"
            switch (before[name], after[name]) {
            case (nil, _) where needs.contains(name) && !needed.contains(name):
                add(.required, place, "is new and required", breaking: true)
            case (nil, .some): add(.added, place, "is new")
            case (.some, nil):
                let isRefused = new["additionalProperties"] == .bool(false)
                add(.removed, place, isRefused ? "is refused now" : "is gone", breaking: isRefused)
            case (.some(let was), .some(let value)):
                if needs.contains(name), !needed.contains(name) {
                    add(.required, place, "is required now", breaking: true)
                } else if needed.contains(name), !needs.contains(name) {
                    add(.optional, place, "may be left out now")
                }
                compare(was, value, at: place, isNeeded: needed.contains(name), depth: depth + 1)
            case (nil, nil): break
            }
        }
    }

    private static func required(_ schema: JSONValue) -> Set<String> {
        Set(schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
    }

    // MARK: Types and values

    /// Nil is any type.
    private mutating func compareTypes(_ old: Set<String>?, _ new: Set<String>?, _ path: String, _ isNeeded: Bool) {
        guard old != new else { return }
        guard let new else { return add(.type, path, "takes any type now") }
        let now = Self.words(new)
        guard let old else { return add(.type, path, "takes only \(now) now", breaking: true) }
        let missing = old.filter { type in
            !new.contains(type) && !(type == "integer" && new.contains("number"))
                && !(type == "null" && !isNeeded)
        }
        add(.type, path, "was \(Self.words(old)), is \(now)", breaking: !missing.isEmpty)
    }

    private static func words(_ types: Set<String>) -> String {
        Excerpt(types.sorted().joined(separator: " or "), length: 48).description
    }

    /// Values themselves are not told: what a server lists there is its own business.
    private mutating func compareValues(_ old: JSONValue, _ new: JSONValue, _ path: String) {
        let (before, after) = (Self.values(old), Self.values(new))
        guard before != after else { return }
        guard let after else { return add(.values, path, "takes any value now") }
        guard let before else {
            return add(.values, path, "takes only \(after.count) values now", breaking: true)
        }
        let lost = before.subtracting(after).count
        let text = lost > 0 ? "refuses \(lost) of \(before.count) values now" : "takes more values now"
        add(.values, path, text, breaking: lost > 0)
    }

    private static func values(_ schema: JSONValue) -> Set<JSONValue>? {
        schema["enum"]?.arrayValue.map { Set($0) } ?? schema["const"].map { [$0] }
    }

    // MARK: Bounds

    private static let floors = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"]
    private static let ceilings = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"]

    private mutating func compareBounds(_ old: JSONValue, _ new: JSONValue, _ path: String) {
        for key in Self.floors { compareBound(key, old, new, path) { $0 > $1 } }
        for key in Self.ceilings { compareBound(key, old, new, path) { $0 < $1 } }
    }

    private mutating func compareBound(
        _ key: String, _ old: JSONValue, _ new: JSONValue, _ path: String, isTighter: (Double, Double) -> Bool
    ) {
        let (before, after) = (old[key]?.double, new[key]?.double)
        guard before != after else { return }
        guard let after else { return add(.bounds, path, "has no \(key) any more") }
        let isNarrower = before.map { isTighter(after, $0) } ?? true
        add(.bounds, path, isNarrower ? "has a tighter \(key)" : "has a wider \(key)", breaking: isNarrower)
    }
}

extension JSONValue {
    fileprivate var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}
