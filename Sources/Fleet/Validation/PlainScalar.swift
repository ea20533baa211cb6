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
        if NumberShape.isInteger(text) {
            return Int(text).map { .integer($0) } ?? .ambiguous("is a number too large to hold")
        }
        if NumberShape.isDecimal(text) {
            return Double(text).map { $0.isFinite ? .number($0) : .ambiguous("is a number too large to hold") } ?? .text
        }
        if NumberShape.isLoose(text) { return .ambiguous("is a number that YAML readers read differently") }
        if NumberShape.isDate(text) { return .ambiguous("is a date to some YAML readers and text to others") }
        return .text
    }
}
