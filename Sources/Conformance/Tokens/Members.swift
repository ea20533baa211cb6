import Fleet
import FoundationEssentials

/// The members of a JSON object as they will be written: in order, and more than once if so told.
struct Members: Sendable {
    private var entries: [(name: String, text: String)] = []

    init(_ members: [(String, JSONValue)]) {
        for (name, value) in members { entries.append((name, Self.text(value))) }
    }

    /// Sets, replacing; nil removes.
    mutating func set(_ name: String, _ value: JSONValue?) {
        let index = entries.firstIndex { $0.name == name }
        entries.removeAll { $0.name == name }
        guard let value else { return }
        entries.insert((name, Self.text(value)), at: min(index ?? entries.count, entries.count))
    }

    /// Adds a member even if there is one of this name.
    mutating func duplicate(_ name: String, _ value: JSONValue, first: Bool = false) {
        entries.insert((name, Self.text(value)), at: first ? 0 : entries.count)
    }

    /// Verbatim JSON, which may be no JSON at all.
    mutating func setRaw(_ name: String, _ text: String) {
        set(name, nil)
        entries.append((name, text))
    }

    var json: String {
        "{" + entries.map { "\(Self.text(.string($0.name))):\($0.text)" }.joined(separator: ",") + "}"
    }

    static func text(_ value: JSONValue) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A JSONValue of finite numbers always encodes.
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }
}
