import Fleet

/// Text that may enter a systemd unit. In units `%` begins a specifier, `$` in commands a variable, quotes
/// and backslashes group and escape, and a line's end ends the setting: each is escaped as systemd.syntax(7)
/// and systemd.service(5) say, or refused.
struct SystemdText {
    /// What the value is, for the error: `instance analytics-1-g2: argument 3`.
    let subject: String

    init(_ subject: String) { self.subject = subject }

    /// Names of fleets, pools and instances: they become parts of unit names and journal fields.
    func name(_ text: String) throws -> String {
        guard let first = text.utf8.first, Self.isLowerOrDigit(first) else { throw refused(text) }
        guard text.utf8.count <= 120 else { throw refused(text, "longer than 120 characters") }
        guard text.utf8.allSatisfy({ Self.isLowerOrDigit($0) || $0 == UInt8(ascii: "-") }) else { throw refused(text) }
        return text
    }

    /// Absolute path, of characters that mean nothing to systemd, wherever it stands.
    func path(_ text: String) throws -> String {
        guard text.hasPrefix("/"), text.utf8.count > 1 else { throw refused(text, "not an absolute path") }
        _ = try below(String(text.dropFirst()))
        return text
    }

    /// Path below a directory of systemd's.
    func below(_ text: String) throws -> String {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            throw refused(text, "not a path in its shortest form")
        }
        guard text.utf8.count <= 1024 else { throw refused(text, "longer than 1024 bytes") }
        guard text.utf8.allSatisfy({ Self.isWord($0) || "-._+@/".utf8.contains($0) }) else { throw refused(text) }
        return text
    }

    /// One word of a command.
    func argument(_ text: String) throws -> String { "\"" + (try escaped(text, dollar: "$$")) + "\"" }

    /// Argument of `Environment=`. Variables are not expanded there.
    func assignment(_ name: String, _ value: String) throws -> String {
        guard let first = name.utf8.first, Self.isWord(first), !(48...57).contains(first),
            name.utf8.allSatisfy(Self.isWord)
        else { throw refused(name, "not the name of a variable") }
        return "\"\(name)=" + (try escaped(value, dollar: "$")) + "\""
    }

    func number(_ value: Int, in range: ClosedRange<Int>) throws -> Int {
        guard range.contains(value) else {
            throw refused(String(value), "not in \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }

    /// A time span; never `0`, which would mean for ever in some places and at once in others.
    func span(_ seconds: Seconds) throws -> String {
        guard seconds.value.isFinite, seconds.value >= 0.001, seconds.value <= 86_400 else {
            throw refused("\(seconds.value)", "not a time between 1 ms and a day")
        }
        return "\(Int((seconds.value * 1000).rounded(.up)))ms"
    }

    func refused(_ value: String, _ why: String = "") -> Failure {
        let shown = value.unicodeScalars.prefix(60).map { $0.escaped(asASCII: true) }.joined()
        let reason = why.isEmpty ? "holds what may not stand in a unit" : why
        return Failure(
            .badSpec, "cannot render a systemd unit", because: "\(subject): \"\(shown)\": \(reason)",
            next: "correct the value in fleet.yaml or its profile; `convoy validate` shows where")
    }

    /// systemd drops variables with control characters other than tab and newline without failing: the
    /// server would start without them. So they are refused here.
    private func escaped(_ text: String, dollar: String) throws -> String {
        // The kernel takes strings up to 128 KiB.
        guard text.utf8.count < 128 * 1024 else { throw refused(text, "longer than 128 KiB") }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "%": result += "%%"
            case "$": result += dollar
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                throw refused(text, "holds a control character")
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (97...122).contains(byte) }
    private static func isWord(_ byte: UInt8) -> Bool {
        isLowerOrDigit(byte) || (65...90).contains(byte) || byte == UInt8(ascii: "_")
    }
}
