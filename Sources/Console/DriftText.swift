import Fleet

/// `convoy drift` for people: a block per difference, in 80 columns.
package struct DriftText: Sendable {
    let report: DriftReport
    private let width = 80

    package init(_ report: DriftReport) { self.report = report }

    package var text: String {
        var lines = report.healed.flatMap { wrapped("healed  ", $0) }
        let count = report.findings.count
        lines.append(
            "\(report.fleet): " + (count == 0 ? "no drift" : count == 1 ? "1 difference" : "\(count) differences"))
        for finding in report.findings {
            lines += wrapped("\(finding.kind.rawValue)  ", finding.subject, indent: 4)
            lines += wrapped("    wish   ", finding.wish)
            lines += wrapped("    found  ", finding.found)
            lines += wrapped("    could  ", finding.whoCould)
            lines += wrapped("    heal   ", finding.heal)
        }
        lines += report.notes.flatMap { wrapped("note  ", $0) }
        lines += report.unseen.flatMap { wrapped("not looked at  ", $0) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Broken between words; a word that is longer than a line, such as a path, within it.
    private func wrapped(_ label: String, _ text: String, indent: Int? = nil) -> [String] {
        let margin = String(repeating: " ", count: indent ?? label.count)
        var lines: [String] = []
        var line = label
        var isEmpty = true
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            var rest = word[...]
            if !isEmpty, line.count + 1 + rest.count > width {
                lines.append(line)
                (line, isEmpty) = (margin, true)
            }
            if !isEmpty { line += " " }
            while line.count + rest.count > width {
                let room = width - line.count
                lines.append(line + rest.prefix(room))
                rest = rest.dropFirst(room)
                line = margin
            }
            line += rest
            isEmpty = false
        }
        return lines + [line]
    }
}
