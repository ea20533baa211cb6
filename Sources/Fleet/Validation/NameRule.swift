/// Names of fleets, pools and hosts: they become parts of systemd units, nginx locations, database
/// users, paths and scopes, so they are held to what all of these take without escaping.
package enum NameRule {
    /// Words that Convoy itself uses where a name could stand.
    package static let reserved: Set<String> = ["all", "convoy", "edge", "gate", "mcp", "none", "supervisor"]

    /// `kind` is what it names, such as `pool`. Throws a `Problem`.
    package static func check(_ name: String, kind: String) throws(Problem) {
        guard !name.isEmpty else {
            throw Problem("the \(kind) has an empty name", "give it one, such as \(example(kind))")
        }
        guard name.utf8.count <= 31 else {
            throw Problem("\(name.quoted) is longer than 31 characters", "shorten it: it becomes part of unit names")
        }
        let shape = "use small letters, digits and dashes, with a letter first, such as \(suggestion(name, kind))"
        guard name.consists(of: { $0.isLowercase || $0.isDigit || $0 == UInt8(ascii: "-") }) else {
            throw Problem("\(name.quoted) can't name a \(kind) in units and URLs", shape)
        }
        guard let first = name.utf8.first, first.isLowercase else {
            throw Problem("\(name.quoted) does not start with a letter", shape)
        }
        guard !name.hasSuffix("-") else { throw Problem("\(name.quoted) ends in a dash", shape) }
        guard !reserved.contains(name) else {
            throw Problem("\(name.quoted) is a word Convoy uses itself", "choose another name for the \(kind)")
        }
    }

    private static func example(_ kind: String) -> String {
        switch kind {
        case "fleet": "shop"
        case "host": "web-1"
        default: "analytics"
        }
    }

    private static func suggestion(_ name: String, _ kind: String) -> String {
        let kept = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let parts = String(kept).split(separator: "-")
        var text = String(parts.joined(separator: "-").drop { !$0.isLetter }.prefix(31))
        while text.hasSuffix("-") { text.removeLast() }
        return text.isEmpty || reserved.contains(text) ? example(kind) : text
    }
}
