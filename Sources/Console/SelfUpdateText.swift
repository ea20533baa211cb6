import Fleet
import Planning

/// `convoy self-update` for people: a block per host, in 80 columns.
package struct SelfUpdateText: Sendable {
    private let report: SelfUpdateReport

    package init(_ report: SelfUpdateReport) { self.report = report }

    package var text: String { (report.hosts.flatMap(block) + summary).joined(separator: "\n") + "\n" }

    private func block(_ host: SelfUpdateReport.Host) -> [String] {
        var lines = ["\(host.host)  \(host.address)  \(words(host))"]
        for fault in host.faults {
            lines += TextBlock.wrapped("  error  ", "\(fault.what): \(fault.why)")
            if !fault.next.isEmpty { lines += TextBlock.wrapped("  next   ", fault.next) }
        }
        return lines
    }

    private func words(_ host: SelfUpdateReport.Host) -> String {
        switch host.state {
        case .ready: "\(report.dryRun ? "would" : "not") \(way(host))"
        case .unchanged: "has this package"
        case .updated: "\(way(host)), healthy after \(Int(host.seconds.rounded())) s"
        case .reverted: "went back to \(host.before)"
        case .refused: "refused; nothing was changed"
        case .failed: "failed"
        }
    }

    private func way(_ host: SelfUpdateReport.Host) -> String {
        let verb = host.state == .updated ? "updated" : report.dryRun ? "be updated" : "updated"
        return "\(verb) from \(host.before) to \(report.version)"
    }

    private var summary: [String] {
        let all = "convoy \(report.version) (\(report.digest.short)): \(report.hosts.count) host(s)"
        let grief = report.hosts.count { !$0.faults.isEmpty }
        guard grief > 0 else { return [report.dryRun ? "\(all) examined; nothing was changed" : "\(all) have it"] }
        let rest = report.hosts.count { $0.state == .ready }
        let left = rest > 0 ? ", \(rest) left as they were" : ""
        return ["\(all), \(grief) came to grief\(left)"]
    }
}
