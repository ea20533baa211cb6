/// The report for people: 80 columns, one line for what is well, a few for what is not.
package struct ReportText: Sendable {
    private let report: ConformanceReport
    private let width: Int

    package init(_ report: ConformanceReport, width: Int = 80) {
        self.report = report
        self.width = max(60, width)
    }

    package var text: String {
        var lines: [String] = []
        for endpoint in report.endpoints {
            lines.append("\(endpoint.url)  (server: \(endpoint.era))")
            for group in CheckGroup.allCases {
                let checks = endpoint.checks.filter { $0.group == group.rawValue }
                if checks.isEmpty { continue }
                lines += ["", group.rawValue]
                lines += checks.flatMap(describe)
            }
            lines.append("")
        }
        lines.append(summary)
        return lines.joined(separator: "\n") + "\n"
    }

    package var summary: String {
        "\(report.passed) passed, \(report.failed) failed, \(report.warned) warned, \(report.skipped) skipped"
    }

    private func describe(_ check: CheckReport) -> [String] {
        switch check.outcome {
        case .passed: [line("ok", check, check.title)]
        case .skipped: [line("skip", check, check.why)]
        case .failed: [line("FAIL", check, check.title)] + details(check)
        case .warned: [line("warn", check, check.title)] + details(check)
        }
    }

    private func line(_ mark: String, _ check: CheckReport, _ text: String) -> String {
        let name = String(check.id.dropFirst(check.group.count + 1))
        return cut("  \(padded(mark, 4))  \(padded(name, 26))  \(text)")
    }

    private func details(_ check: CheckReport) -> [String] {
        [
            ("why", check.why), ("sent", check.sent), ("seen", check.seen), ("rule", check.reference),
            ("next", check.next),
        ].filter { !$0.1.isEmpty }.flatMap { wrapped($0.0, $0.1) }
    }

    private func wrapped(_ label: String, _ text: String) -> [String] {
        var lines: [String] = []
        var line = ""
        let room = width - 14
        for word in text.split(separator: " ") {
            var rest = word
            // A URL longer than a line is broken: better than a table that runs over.
            while rest.count > room {
                if !line.isEmpty { lines.append(line) }
                lines.append(String(rest.prefix(room)))
                (line, rest) = ("", rest.dropFirst(room))
            }
            if !line.isEmpty, line.count + 1 + rest.count > room {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + rest
        }
        if !line.isEmpty { lines.append(line) }
        return lines.enumerated().map { "        \($0.offset == 0 ? padded(label, 4) : "    ")  \($0.element)" }
    }

    private func padded(_ text: String, _ size: Int) -> String {
        text + String(repeating: " ", count: max(0, size - text.count))
    }

    private func cut(_ line: String) -> String {
        line.count <= width ? line : line.prefix(width - 3) + "..."
    }
}

/// `convoy verify --list` for people.
package enum CatalogueText {
    package static func text(_ checks: [Check]) -> String {
        checks.map { check in
            let head = "\(check.id)  (\(check.severity.rawValue))"
            return "\(head)\n    \(check.title)\n    \(check.reference)"
        }.joined(separator: "\n") + "\n"
    }
}
