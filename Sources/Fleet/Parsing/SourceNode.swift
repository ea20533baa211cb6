/// A YAML document after the dangers are out of it: a tree of bounded size, each node with its place
/// in the file and its path from the root.
struct SourceNode: Sendable {
    var location: SourceLocation
    /// Keys from the root, joined by `/`; items of lists count from 0.
    var path: String
    var value: Value

    enum Value: Sendable {
        case scalar(text: String, plain: Bool)
        case list([SourceNode])
        case map([Entry])
    }

    struct Entry: Sendable {
        var key: String
        var location: SourceLocation
        var value: SourceNode
    }

    /// What it is, for `is ..., must be ...`.
    var kind: String {
        switch value {
        case .list: return "a list"
        case .map: return "a map"
        case .scalar(_, plain: false): return "text"
        case .scalar(let text, plain: true):
            switch PlainScalar(text) {
            case .null: return "empty"
            case .bool: return text
            case .integer, .number: return "the number \(text)"
            case .text: return "text"
            case .ambiguous: return text.quoted
            }
        }
    }

    func child(_ key: String) -> SourceNode? {
        guard case .map(let entries) = value else { return nil }
        return entries.first { $0.key == key }?.value
    }

    var isEmptyValue: Bool {
        if case .scalar(let text, plain: true) = value { PlainScalar(text) == .null } else { false }
    }
}
