import Fleet
import Planning

/// `convoy bootstrap` for people: a block per host, in 80 columns.
package struct BootstrapText: Sendable {
    private static let width = 80
    private let report: BootstrapReport

    package init(_ report: BootstrapReport) { self.report = report }

    package var text: String { (report.hosts.flatMap(block) + [summary]).joined(separator: "\n") + "\n" }

    private func block(_ host: BootstrapReport.Host) -> [String] {
        var lines = ["\(host.host)  \(host.address)  \(words(host))"]
        let mark = host.state == .ready ? "would" : "done "
        for change in host.changes { lines += wrapped("  \(mark)  ", change.detail) }
        for fault in host.faults {
            lines += wrapped("  error  ", "\(fault.what): \(fault.why)")
            if !fault.next.isEmpty { lines += wrapped("  next   ", fault.next) }
        }
        return lines
    }

    private func words(_ host: BootstrapReport.Host) -> String {
        switch host.state {
        case .ready: host.changes.isEmpty ? "nothing to do" : "\(host.changes.count) change(s)"
        case .unchanged: "nothing to do"
        case .changed: "serves, after \(Int(host.seconds.rounded())) s"
        case .refused: "refused; nothing was changed"
        case .failed: "failed"
        }
    }

    private var summary: String {
        let failed = report.hosts.count { !$0.faults.isEmpty }
        let all = "\(report.fleet): \(report.hosts.count) host(s)"
        if failed > 0 {
            let isUntouched = report.hosts.allSatisfy { $0.state != .changed && $0.state != .unchanged }
            return "\(all), \(failed) with errors" + (isUntouched && !hasBegun ? "; nothing was changed on any" : "")
        }
        return report.dryRun ? "\(all) examined; nothing was changed" : "\(all) serve"
    }

    private var hasBegun: Bool { report.hosts.contains { $0.state == .failed && !$0.changes.isEmpty } }

    /// Broken between words.
    private func wrapped(_ label: String, _ text: String) -> [String] {
        var lines: [String] = []
        var line = label
        for word in text.split(whereSeparator: \.isWhitespace) {
            if line.count + word.count > Self.width, line.contains(where: { $0 != " " }), line != label {
                lines.append(line.trimmed)
                line = String(repeating: " ", count: label.count)
            }
            line += word + " "
        }
        return lines + [line.trimmed]
    }
}

extension String {
    /// Without the spaces at its end.
    fileprivate var trimmed: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
