import Fleet
import Planning

/// `convoy status` for people, in 80 columns.
package struct StatusText: Sendable {
    let status: FleetStatus
    let terminal: Terminal

    package init(_ status: FleetStatus, terminal: Terminal) {
        self.status = status
        self.terminal = terminal
    }

    package var text: String {
        var lines = [headline] + shares
        if !status.instances.isEmpty { lines.append(table.trimmedEnd) }
        let troubled = status.instances.filter { !$0.reason.isEmpty && $0.state != .pending }
        for instance in troubled { lines.append("  \(instance.name): \(instance.reason)") }
        let changed = Set(status.instances.flatMap(\.dropIns)).sorted()
        for path in changed { lines.append("  units are changed by \(path)") }
        lines += status.hosts.compactMap(line)
        lines.append(
            "edge  \(word(status.edge.state, status.edge.reason))"
                + (status.edge.url.isEmpty ? "" : "  \(status.edge.url)"))
        lines.append("gate  \(word(status.gate.state, status.gate.reason))")
        return lines.joined(separator: "\n") + "\n"
    }

    /// Of a host that is not as it should be.
    private func line(_ host: HostStatus) -> String? {
        if let silent = host.silentSeconds {
            let why = host.reason.isEmpty ? "" : ": \(host.reason)"
            return "host \(host.name)  has not answered for \(Self.age(silent))\(why)"
        }
        if !host.reason.isEmpty { return "host \(host.name)  \(host.reason)" }
        switch host.door {
        case .open: break
        case .cordoned: return "host \(host.name)  cordoned: no new sessions"
        case .drained: return "host \(host.name)  drained: it serves nobody"
        case .behind: return "host \(host.name)  behind: it serves nobody; run `convoy up`"
        }
        guard let generation = host.generation, generation != status.generation else { return nil }
        return "host \(host.name)  serves " + (generation == 0 ? "nobody" : "generation \(generation)")
    }

    private var headline: String {
        guard let release = status.release else {
            return (status.fleet.isEmpty ? "" : "\(status.fleet): ") + "nothing serves yet"
        }
        let mark = status.converged ? "converged" : "NOT converged"
        return "\(status.fleet): generation \(status.generation), \(release.name) \(release.version) "
            + "(\(release.digest.short)), \(mark)"
    }

    /// Nothing to say while each pool has all of its traffic in one place.
    private var shares: [String] {
        status.trafficShare.filter { $0.part < 1 }.map {
            "  new traffic of \($0.pool): \(Int(($0.part * 100).rounded()))% to generation \($0.generation)"
        }
    }

    private var table: String {
        // A process of another host is nothing to a person here.
        let spans = !status.hosts.isEmpty
        var table = Table(
            ["INSTANCE"] + (spans ? ["HOST"] : []) + ["STATE", "PROOF", "VERSION", "PORT"] + (spans ? [] : ["PID"])
                + ["UP", "RESTARTS"])
        for instance in status.instances {
            let pid = spans ? [] : [instance.pid.map { "\($0)" } ?? "-"]
            table.add(
                [instance.name] + (spans ? [instance.host] : [])
                    + [instance.state.rawValue, proof(instance), instance.version, "\(instance.port)"] + pid
                    + [instance.uptimeSeconds.map(Self.age) ?? "-", "\(instance.restarts)"])
        }
        return table.text(width: terminal.outputIsTerminal ? terminal.width : nil)
    }

    private func proof(_ instance: InstanceStatus) -> String {
        switch instance.proof?.verdict {
        case nil: "-"
        case .proved: "proved"
        case .refuted: "REFUTED"
        case .unverified: "none"
        }
    }

    private func word(_ state: EdgeStatus.State, _ reason: String) -> String {
        state == .up && reason.isEmpty ? "up" : "\(state.rawValue)" + (reason.isEmpty ? "" : " (\(reason))")
    }

    package static func age(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "-" }
        let whole = Int(min(max(seconds, 0), 1e12))
        switch whole {
        case ..<60: return "\(whole)s"
        case ..<3600: return "\(whole / 60)m\(whole % 60)s"
        case ..<86400: return "\(whole / 3600)h\(whole % 3600 / 60)m"
        default: return "\(whole / 86400)d\(whole % 86400 / 3600)h"
        }
    }
}

/// `convoy plan` for people.
package struct ChangePlanText: Sendable {
    let plan: ChangePlan

    package init(_ plan: ChangePlan) { self.plan = plan }

    package var text: String {
        let notes = plan.dropIns.map { "units are changed by \($0)\n" }.joined()
        guard !plan.changes.isEmpty else { return "\(plan.fleet): nothing to do\n" + notes }
        var table = Table("", "WHAT", "HOW")
        for change in plan.changes { table.add(Self.sign(change.kind), change.subject, change.detail) }
        return table.text(width: nil) + notes + compatibility
            + plan.warnings.map { Self.wrapped("note: \($0)") }.joined()
    }

    /// In lines of 78 columns, all but the first indented.
    private static func wrapped(_ text: String) -> String {
        var lines = [""]
        for word in text.split(separator: " ") {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.count + 1 + word.count > 78 {
                lines.append("  " + word)
            } else {
                lines[lines.count - 1] = line + " " + word
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private var compatibility: String {
        guard let report = plan.compatibility else { return "" }
        let head = "callers, \(report.from) -> \(report.to): \(report.summary)\n"
        let end = report.breaking ? "  it needs --accept-breaking\n" : ""
        return head + report.lines().map { "  \($0)\n" }.joined() + end
    }

    private static func sign(_ kind: ChangePlan.Change.Kind) -> String {
        switch kind {
        case .add: "+"
        case .change: "~"
        case .remove: "-"
        case .mend: "!"
        }
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}
