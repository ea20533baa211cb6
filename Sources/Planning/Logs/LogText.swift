/// Makes what a server printed fit to be shown.
package enum LogText {
    /// `scheme://user:password@` and `Bearer TOKEN` lose what is secret; servers do print their connection strings.
    package static func redacted(_ text: String) -> String {
        var text = text
        if text.contains("://") {
            text = text.replacing(#/(?<scheme>[a-z][a-z0-9+.-]*:\/\/)[^\/\s@:]*:[^\/\s@]*@/#) {
                "\($0.output.scheme)<redacted>@"
            }
        }
        if text.contains("earer ") {
            text = text.replacing(#/(?<word>[Bb]earer +)[A-Za-z0-9._~+\/=-]{8,}/#) { "\($0.output.word)<redacted>" }
        }
        return text
    }

    /// One line for each line, without anything that a terminal would take for an order.
    package static func lines(_ text: String) -> [String] {
        text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map { line in
            guard line.unicodeScalars.contains(where: isControl) else { return String(line) }
            return line.unicodeScalars.reduce(into: "") { text, scalar in
                if isControl(scalar) {
                    let digits = String(scalar.value, radix: 16)
                    text += "\\x" + (digits.count == 1 ? "0" : "") + digits
                } else {
                    text.unicodeScalars.append(scalar)
                }
            }
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        (scalar.value < 0x20 && scalar != "\t") || (0x7f...0x9f).contains(scalar.value)
    }
}
