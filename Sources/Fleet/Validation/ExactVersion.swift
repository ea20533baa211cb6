/// Law 2: a release is one version, spelt in full.
package enum ExactVersion {
    /// Throws a `Problem` unless `text` is one exact version: `1.2.3`, and for PyPI also `0.7.0b3`,
    /// `1.2.3.post1`, for npm `1.2.3-rc.1`.
    package static func check(_ text: String, kind: ReleaseReference.Kind) throws(Problem) {
        guard !text.isEmpty else { throw Problem("has no version", "end it with an exact one, such as @1.2.3") }
        let words = ["latest", "next", "stable", "current", "newest", "main", "master", "dev", "beta", "nightly"]
        if words.contains(text.lowercased()) {
            throw Problem(
                "\(text.quoted) is not a version but whatever is newest that day",
                "name the exact version, such as 1.2.3: every host must run the same bytes")
        }
        if isRange(text) {
            throw Problem(
                "\(text.quoted) is a range, not a version", "name one exact version, such as \(plain(text))")
        }
        if text.hasPrefix("v") || text.hasPrefix("V"), text.utf8.dropFirst().first?.isDigit == true {
            throw Problem("\(text.quoted) starts with a v", "write \(text.dropFirst())")
        }
        let numbers = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }.split(
            separator: ".", omittingEmptySubsequences: false)
        if numbers.count < 3, numbers.allSatisfy({ !$0.isEmpty }), text.utf8.allSatisfy({ $0.isDigit || $0 == 46 }) {
            throw Problem(
                "\(text.quoted) leaves the end of the version open", "write all of it, such as \(plain(text))")
        }
        guard hasVersionShape(text, kind) else {
            throw Problem("\(text.quoted) is not a version", "write it as the registry does, such as 1.2.3")
        }
        if let number = numbers.first(where: { $0.count > 1 && $0.hasPrefix("0") }) {
            throw Problem(
                "\(text.quoted) has a number with a leading zero (\(number))",
                "write it as the registry does: \(withoutZeros(numbers))")
        }
    }

    private static func isRange(_ text: String) -> Bool {
        if text.utf8.contains(where: { $0.isOne(of: "^~<>=*|, ") }) || text.contains("!=") { return true }
        return text.split(separator: ".", omittingEmptySubsequences: false).contains { $0 == "x" || $0 == "X" }
    }

    /// The numbers of `text` filled up to three: what its author may have had in mind.
    private static func plain(_ text: String) -> String {
        let digits = text.drop { !($0.isASCII && $0.isNumber) }.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        var numbers = digits.split(separator: ".").prefix(3).map(String.init)
        if numbers.isEmpty { return "1.2.3" }
        while numbers.count < 3 { numbers.append("0") }
        return numbers.joined(separator: ".")
    }

    private static func withoutZeros(_ numbers: [Substring]) -> String {
        numbers.map { String($0.drop { $0 == "0" }) }.map { $0.isEmpty ? "0" : $0 }.joined(separator: ".")
    }

    private static func hasVersionShape(_ text: String, _ kind: ReleaseReference.Kind) -> Bool {
        guard text.utf8.count <= 64 else { return false }
        let npm = text.wholeMatch(of: #/[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?/#) != nil
        let pypi = text.wholeMatch(of: #/[0-9]+(\.[0-9]+){2,5}((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?/#) != nil
        return switch kind {
        case .npm: npm
        case .pypi: pypi
        case .path: npm || pypi
        }
    }
}
