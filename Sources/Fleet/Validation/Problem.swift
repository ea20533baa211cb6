/// Why a value is no good and what to do about it, before anybody knows where it was written.
/// Becomes a `Diagnostic` where there is a file, a `Failure` where there is a command line.
package struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
    package var what: String
    package var fix: String

    package init(_ what: String, _ fix: String) {
        self.what = what
        self.fix = fix
    }

    package var description: String { "\(what): \(fix)" }
}

extension String {
    /// For messages: quoted, printable, on one line and short enough to read.
    package var quoted: String {
        var text = ""
        for scalar in unicodeScalars.prefix(60) {
            let printable =
                scalar.value >= 0x20 && scalar.value != 0x7f && !scalar.properties.isDefaultIgnorableCodePoint
            text += printable && scalar.properties.generalCategory != .control ? String(scalar) : "?"
        }
        return "\"" + text + (unicodeScalars.count > 60 ? "..." : "") + "\""
    }
}

extension String {
    /// Whether each byte is in `allowed`; empty text is fine.
    func consists(of allowed: (UInt8) -> Bool) -> Bool { utf8.allSatisfy(allowed) }
}

extension UInt8 {
    var isDigit: Bool { (48...57).contains(self) }
    var isLowercase: Bool { (97...122).contains(self) }
    var isUppercase: Bool { (65...90).contains(self) }
    var isAlphanumeric: Bool { isDigit || isLowercase || isUppercase }
    func isOne(of characters: StaticString) -> Bool {
        characters.withUTF8Buffer { $0.contains(self) }
    }
}
