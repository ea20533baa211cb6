/// A database command. Its members keep their order, because the first one names the command.
struct CommandDocument: Sendable, ExpressibleByDictionaryLiteral {
    private var members: [(String, CommandValue)]

    init(dictionaryLiteral elements: (String, CommandValue)...) { members = elements }

    mutating func append(_ name: String, _ value: CommandValue) { members.append((name, value)) }
    mutating func append(contentsOf other: CommandDocument) { members += other.members }

    /// Puts a member into the document of that name, which is made where there is none.
    mutating func merge(_ name: String, _ member: String, _ value: CommandValue) {
        guard let place = members.firstIndex(where: { $0.0 == name }), case .document(var inner) = members[place].1
        else { return append(name, .document(CommandDocument(dictionaryLiteral: (member, value)))) }
        inner.append(member, value)
        members[place].1 = .document(inner)
    }

    /// Extended JSON.
    var json: String {
        "{" + members.map { CommandValue.quoted($0.0) + ":" + $0.1.json }.joined(separator: ",") + "}"
    }
}

indirect enum CommandValue: Sendable {
    case string(String)
    case integer(Int)
    /// Finite.
    case number(Double)
    case null
    case bool(Bool)
    /// 24 hexadecimal digits.
    case objectID(String)
    case array([CommandValue])
    case document(CommandDocument)

    var json: String {
        switch self {
        case .string(let text): Self.quoted(text)
        case .integer(let number): String(number)
        case .number(let number): "\(number)"
        case .null: "null"
        case .bool(let flag): flag ? "true" : "false"
        case .objectID(let digits): "{\"$oid\":\(Self.quoted(digits))}"
        case .array(let items): "[" + items.map(\.json).joined(separator: ",") + "]"
        case .document(let document): document.json
        }
    }

    static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.reduce(into: "") { result, scalar in
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..."\u{1f}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return "\"" + escaped + "\""
    }
}

extension CommandValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: CommandValue...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, CommandValue)...) {
        self = .document(elements.reduce(into: CommandDocument()) { $0.append($1.0, $1.1) })
    }
}
