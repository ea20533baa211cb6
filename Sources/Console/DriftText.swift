import Fleet

/// `convoy drift` for people: a block per difference, in 80 columns.
package struct DriftText: Sendable {
    let report: DriftReport
    private let width = 80

    package init(_ report: DriftReport) { self.report = report }

    package var text: String {
        var lines = report.healed.flatMap { wrapped("healed  ", $0) }
        let count = report.findings.count
        lines.append("\(report.fleet): \(Self.words(count))")
        let own = report.findings.filter { $0.host == nil }
        lines += own.flatMap(block)
        for host in hosts {
            let findings = report.findings.filter { $0.host == host }
            lines += ["", "host \(host): \(Self.words(findings.count))"] + findings.flatMap(block)
        }
        if !hosts.isEmpty, !report.notes.isEmpty || !report.unseen.isEmpty { lines.append("") }
        lines += report.notes.flatMap { wrapped("note  ", $0) }
        lines += report.unseen.flatMap { wrapped("not looked at  ", $0) }
        return lines.joined(separator: "\n") + "\n"
    }

    /// With differences, in their order.
    private var hosts: [String] {
        var seen: Set<String> = []
        return report.findings.compactMap(\.host).filter { seen.insert($0).inserted }
    }

    private static func words(_ count: Int) -> String {
        count == 0 ? "no drift" : count == 1 ? "1 difference" : "\(count) differences"
    }

    private func block(_ finding: DriftFinding) -> [String] {
        wrapped("\(finding.kind.rawValue)  ", finding.subject, indent: 4)
            + wrapped("    wish   ", finding.wish) + wrapped("    found  ", finding.found)
            + wrapped("    could  ", finding.whoCould) + wrapped("    heal   ", finding.heal)
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
