/// Bytes of a file that a person wrote, checked before any parser sees them.
enum SourceText {
    /// Far more than the largest fleet needs: 64 pools of 64 replicas take a tenth of it.
    static let maximumBytes = 256 * 1024
    static let maximumLineBytes = 4096
    static let maximumAliases = 16
    static let maximumBrackets = 2000

    /// The text without its byte order mark. Throws the one problem that makes reading on pointless.
    static func decode(_ bytes: [UInt8]) throws(LocatedProblem) -> String {
        let start = SourceLocation(line: 1, column: 1)
        guard bytes.count <= maximumBytes else {
            throw LocatedProblem(
                start, "the file has \(bytes.count) bytes, more than the \(maximumBytes) allowed",
                "check that this is the right file")
        }
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
            throw LocatedProblem(start, "the file is UTF-16", "save it as UTF-8")
        }
        let content = bytes.starts(with: [0xef, 0xbb, 0xbf]) ? bytes[3...] : bytes[...]
        guard let text = String(validating: content, as: UTF8.self) else {
            throw LocatedProblem(firstInvalid(content), "a byte here is not UTF-8", "save the file as UTF-8")
        }
        try checkCharacters(text)
        try checkShape(content)
        return text
    }

    private static func firstInvalid(_ bytes: ArraySlice<UInt8>) -> SourceLocation {
        var place = SourceLocation(line: 1, column: 1)
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { place.advance(over: scalar) }
        return place
    }

    /// Refuses what no YAML file may hold, and the line breaks of YAML 1.1 that editors don't show:
    /// behind one of them, a comment would go on as content.
    private static func checkCharacters(_ text: String) throws(LocatedProblem) {
        var place = SourceLocation(line: 1, column: 1)
        var before: Unicode.Scalar = " "
        for scalar in text.unicodeScalars {
            if before == "\r", scalar != "\n" {
                throw LocatedProblem(
                    place, "a carriage return without a line feed", "save the file with Unix line ends")
            }
            if let name = forbidden(scalar) {
                throw LocatedProblem(place, "\(name) can't stand in this file", "delete it; it may not be visible")
            }
            place.advance(over: scalar)
            before = scalar
        }
    }

    private static func forbidden(_ scalar: Unicode.Scalar) -> String? {
        switch scalar.value {
        case 9, 10, 13: return nil
        case 0: return "a NUL byte"
        case 0..<32, 127...159: return "the control character U+\(hex(scalar.value))"
        case 0x2028, 0x2029: return "the line separator U+\(hex(scalar.value))"
        case 0x202a...0x202e, 0x2066...0x2069: return "the text direction mark U+\(hex(scalar.value))"
        case 0xfeff, 0xfffe, 0xffff: return "U+\(hex(scalar.value))"
        default: return nil
        }
    }

    private static func hex(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// Bounds what a YAML parser may be made to do, from the raw bytes: more aliases than this can
    /// explode, longer lines and more brackets can nest deeper than a stack. Counts from above: what
    /// only looks like an alias counts too, apart from whole lines of comment.
    private static func checkShape(_ bytes: ArraySlice<UInt8>) throws(LocatedProblem) {
        var aliases = 0
        var brackets = 0
        for (index, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let place = SourceLocation(line: index + 1, column: 1)
            guard line.count <= maximumLineBytes else {
                throw LocatedProblem(
                    place, "the line has \(line.count) bytes, more than the \(maximumLineBytes) allowed", "break it up")
            }
            if line.first(where: { $0 != 32 && $0 != 9 }) == UInt8(ascii: "#") { continue }
            brackets += line.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
            aliases += aliasCount(line)
            guard aliases <= maximumAliases else {
                throw LocatedProblem(
                    place, "more than \(maximumAliases) aliases (*name) could explode when they are expanded",
                    "write the values out")
            }
            guard brackets <= maximumBrackets else {
                throw LocatedProblem(place, "more than \(maximumBrackets) brackets", "write maps and lists as blocks")
            }
        }
    }

    private static func aliasCount(_ line: ArraySlice<UInt8>) -> Int {
        zip(line, line.dropFirst()).count { here, next in
            here == UInt8(ascii: "*") && (next.isAlphanumeric || next.isOne(of: "_-"))
        }
    }
}

struct LocatedProblem: Error {
    var location: SourceLocation
    var problem: Problem

    init(_ location: SourceLocation, _ what: String, _ fix: String) {
        self.location = location
        problem = Problem(what, fix)
    }
}

extension SourceLocation {
    mutating func advance(over scalar: Unicode.Scalar) {
        if scalar == "\n" {
            line += 1
            column = 1
        } else {
            column += 1
        }
    }
}
