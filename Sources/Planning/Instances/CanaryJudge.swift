import Fleet

/// Decides whether a canary call proves that an instance serves its data. A status code and an
/// empty error field prove nothing: servers report refusals as ordinary, successful text.
package struct CanaryJudge: Sendable {
    private let spec: CanarySpec

    package init(_ spec: CanarySpec) { self.spec = spec }

    /// Nil when the answer is as expected, else why it is not; quotes at most
    /// `Excerpt.length` characters of it.
    package func fault(error: String?, isError: Bool, text: String) -> String? {
        if let error { return "canary \(spec.tool): \(Excerpt(error))" }
        if isError { return "canary \(spec.tool): the tool reports an error: \(Excerpt(text))" }
        if let missing = spec.contains.first(where: { !text.holds($0) }) {
            return "canary \(spec.tool): the answer lacks \"\(Excerpt(missing))\": \(Excerpt(text))"
        }
        if let unwanted = spec.excludes.first(where: { text.holds($0) }) {
            return "canary \(spec.tool): the answer contains \"\(Excerpt(unwanted))\": \(Excerpt(text))"
        }
        return nil
    }
}

extension String {
    /// Bytewise: equal-looking text of another normalisation is not the text that was asked for.
    fileprivate func holds(_ wanted: String) -> Bool {
        let wanted = Array(wanted.utf8)
        guard let first = wanted.first else { return true }
        let text = Array(utf8)
        guard text.count >= wanted.count else { return false }
        return (0...(text.count - wanted.count)).contains { start in
            text[start] == first && text[start..<(start + wanted.count)].elementsEqual(wanted)
        }
    }
}

/// Foreign text made fit to be quoted in one line of a reason, a log or a terminal: bounded, and
/// without control characters, which could forge lines or colour a terminal.
package struct Excerpt: Sendable, Equatable, CustomStringConvertible {
    package static let length = 200

    package let description: String

    package init(_ text: some StringProtocol, length: Int = Excerpt.length) {
        var line = ""
        var count = 0
        var gap = false
        for character in text {
            let visible = character.unicodeScalars.filter { !Excerpt.isControl($0) }
            let blank = visible.isEmpty || character.isWhitespace
            if blank {
                gap = !line.isEmpty
                continue
            }
            if count + (gap ? 1 : 0) >= length {
                description = line + "..."
                return
            }
            if gap { line += " " }
            count += gap ? 2 : 1
            gap = false
            // A character may hold any number of combining scalars.
            line.unicodeScalars.append(contentsOf: visible.prefix(8))
        }
        description = line.isEmpty ? "(empty)" : line
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
        default: false
        }
    }
}
