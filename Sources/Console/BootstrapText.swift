import Fleet
import Planning

/// `convoy bootstrap` for people: a block per host, in 80 columns.
package struct BootstrapText: Sendable {
    private let report: BootstrapReport

    package init(_ report: BootstrapReport) { self.report = report }

    package var text: String { (report.hosts.flatMap(block) + [summary]).joined(separator: "\n") + "\n" }

    private func block(_ host: BootstrapReport.Host) -> [String] {
        var lines = ["\(host.host)  \(host.address)  \(words(host))"]
        let mark = host.state == .ready ? "would" : "done "
        for change in host.changes { lines += TextBlock.wrapped("  \(mark)  ", change.detail) }
        if host.state == .changed {
            let stages = host.stages.filter { $0.seconds >= 0.1 }
            let words = stages.map { "\($0.stage) \(tenths($0.seconds)) s" }
            lines += TextBlock.wrapped("  took  ", words.joined(separator: ", "))
        }
        for fault in host.faults {
            lines += TextBlock.wrapped("  error  ", "\(fault.what): \(fault.why)")
            if !fault.next.isEmpty { lines += TextBlock.wrapped("  next   ", fault.next) }
        }
        return lines
    }

    private func tenths(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }

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
}
