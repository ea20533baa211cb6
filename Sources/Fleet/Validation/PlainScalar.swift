/// What an unquoted YAML scalar is, read strictly: whatever YAML 1.1 and 1.2 readers disagree about
/// (`yes`, `0777`, `1_000`, `12:30`) is ambiguous and refused instead of guessed.
enum PlainScalar: Equatable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case text
    /// Why it is not taken for text.
    case ambiguous(String)

    init(_ text: String) {
        switch text {
        case "", "null": self = .null
        case "true": self = .bool(true)
        case "false": self = .bool(false)
        case "~", "Null", "NULL": self = .ambiguous("means nothing to some YAML readers")
        default:
            if Self.truthWords.contains(text.lowercased()) {
                self = .ambiguous("is true or false to some YAML readers and text to others")
            } else if let first = text.utf8.first, first.isDigit || first.isOne(of: "+-.") {
                self = Self.numeric(text)
            } else {
                self = .text
            }
        }
    }

    private static let truthWords: Set<String> = ["true", "false", "yes", "no", "on", "off", "y", "n"]

    private static func numeric(_ text: String) -> PlainScalar {
        if text.wholeMatch(of: #/-?(0|[1-9][0-9]*)/#) != nil {
            return Int(text).map { .integer($0) } ?? .ambiguous("is a number too large to hold")
        }
        if text.wholeMatch(of: #/-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?/#) != nil {
            return Double(text).map { $0.isFinite ? .number($0) : .ambiguous("is a number too large to hold") } ?? .text
        }
        if text.wholeMatch(of: #/[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?/#) != nil
            || text.wholeMatch(of: #/[-+]?\.[0-9][0-9_]*([eE][-+]?[0-9]+)?/#) != nil
            || text.wholeMatch(of: #/[-+]?0[xob][0-9a-fA-F_]+/#) != nil
            || text.wholeMatch(of: #/[-+]?\.(inf|Inf|INF|nan|NaN|NAN)/#) != nil
            || text.wholeMatch(of: #/[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?/#) != nil
        {
            return .ambiguous("is a number that YAML readers read differently")
        }
        if text.wholeMatch(of: #/[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?/#) != nil {
            return .ambiguous("is a date to some YAML readers and text to others")
        }
        return .text
    }
}
