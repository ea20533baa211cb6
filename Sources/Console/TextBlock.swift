/// Lines of a report for people.
package enum TextBlock {
    private static let width = 80

    /// Broken between words; the lines that follow stand below the text.
    package static func wrapped(_ label: String, _ text: String) -> [String] {
        var lines: [String] = []
        var line = label
        for word in text.split(whereSeparator: \.isWhitespace) {
            if line.count + word.count > width, line.contains(where: { $0 != " " }), line != label {
                lines.append(trimmed(line))
                line = String(repeating: " ", count: label.count)
            }
            line += word + " "
        }
        return lines + [trimmed(line)]
    }

    private static func trimmed(_ line: String) -> String {
        var text = line
        while text.last == " " { text.removeLast() }
        return text
    }
}
