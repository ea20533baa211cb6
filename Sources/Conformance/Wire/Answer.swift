import Fleet
import FoundationEssentials

/// One answer as it came.
struct Answer: Sendable, Equatable {
    struct Header: Sendable, Equatable {
        let name: String
        let value: String
    }

    var status: Int
    var headers: [Header]
    var body: [UInt8]
    /// False when the connection ended, or patience did, before the body did.
    var isComplete: Bool

    func values(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    subscript(name: String) -> String? { values(name).first }

    var text: String { String(decoding: body, as: UTF8.self) }

    var mediaType: String {
        (self["Content-Type"] ?? "").prefix { $0 != ";" }.trimmed.lowercased()
    }

    var isServed: Bool { (200..<300).contains(status) }

    /// The JSON of the body: of its own, or of the last `data:` of an event stream.
    var json: JSONValue? {
        var text = text
        if mediaType == "text/event-stream" {
            let data = text.split(whereSeparator: \.isNewline).filter { $0.hasPrefix("data:") }
            guard let last = data.last else { return nil }
            text = String(last.dropFirst(5))
        }
        return try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    /// For a report: short, and without anything that looks like a token.
    var shown: String {
        var line = "\(status)"
        for name in ["WWW-Authenticate", "Content-Type", "Location"] {
            if let value = self[name] { line += ", \(name): \(value)" }
        }
        let body = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        if !body.isEmpty { line += ", body: \(body.prefix(160))" }
        return Redaction.text(String(line.prefix(600)))
    }
}

extension Collection where Element == Character {
    var trimmed: String {
        let start = drop { $0 == " " || $0 == "\t" }
        var text = String(start)
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}

/// Blots out all that looks like a JWT: reports are shown around.
enum Redaction {
    static func text(_ text: String) -> String {
        var output = ""
        var rest = text[...]
        while let start = rest.range(of: "eyJ") {
            let end = rest[start.lowerBound...].firstIndex { !isTokenCharacter($0) } ?? rest.endIndex
            let isToken = rest.distance(from: start.lowerBound, to: end) >= 16
            output += rest[..<start.lowerBound]
            output += isToken ? "<token>" : String(rest[start.lowerBound..<end])
            rest = rest[end...]
        }
        // Else a terminal would obey what a server says.
        return String((output + rest).map { $0.isASCII && !$0.isNewline && $0 >= " " && $0 != "\u{7f}" ? $0 : "?" })
    }

    private static func isTokenCharacter(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
    }
}
