import Fleet
import Planning
import Ports

/// What the hosts of a fleet say of themselves, as one report. Pure.
struct FleetReport {
    struct Member {
        var name: String
        /// The last that it told; nil = nothing yet.
        var report: StatusReport?
        /// Seconds since it was heard; nil = just now.
        var silence: Double?
        /// Why it can't be counted on, or does not answer; empty = nothing is wrong.
        var fault: String
        /// It answers, but has left the generation that is on trial.
        var isOnProbation: Bool
    }

    let members: [Member]
    /// Whoever says nothing for so long is not counted on any more.
    let silence: Seconds

    func merged(revision: Int) -> StatusReport {
        let heard = members.filter { $0.silence == nil }
        let reports = members.compactMap(\.report)
        let serving = Set(heard.compactMap { $0.report?.status.generation }).subtracting([0])
        let leading = reports.filter { $0.status.generation == serving.min() }
        // One that takes nobody new says nothing of who shares.
        let one = leading.first { !$0.status.trafficShare.isEmpty } ?? leading.first ?? reports.first
        let whole = heard.count == members.count && serving.count == 1
        let status = FleetStatus(
            fleet: one?.status.fleet ?? "", generation: serving.min() ?? 0,
            release: serving.isEmpty ? nil : one?.status.release,
            converged: whole && heard.allSatisfy { $0.report?.status.converged == true },
            instances: members.flatMap(instances), edge: edge, gate: gate,
            supervisor: SupervisorStatus(
                state: heard.count == members.count ? .up : .down, pid: nil,
                version: one?.status.supervisor.version ?? ""),
            trafficShare: one?.status.trafficShare ?? [], hosts: members.map(host))
        return StatusReport(
            revision: revision, status: status, generations: generations(reports), figures: reports.flatMap(\.figures),
            trial: heard.compactMap { $0.report?.trial }.first)
    }

    private func isLost(_ member: Member) -> Bool { member.silence.map { $0 >= silence.value } ?? false }

    private func instances(_ member: Member) -> [InstanceStatus] {
        let known = member.report?.status.instances ?? []
        guard isLost(member) || member.isOnProbation else { return known }
        let since = member.silence.map { "has not answered for \(Seconds($0.rounded()).spelled)" } ?? member.fault
        return known.map { instance in
            var instance = instance
            instance.state = .unfit
            instance.ready = false
            instance.reason = "\(member.name) \(since)"
            return instance
        }
    }

    private func generations(_ reports: [StatusReport]) -> [GenerationPlan] {
        let numbers = Set(reports.flatMap { $0.generations.map(\.number) }).sorted()
        return numbers.compactMap { number in
            GenerationPlan(whole: reports.compactMap { report in report.generations.first { $0.number == number } })
        }
    }

    private func host(_ member: Member) -> HostStatus {
        let report = member.silence == nil ? member.report : nil
        return HostStatus(
            name: member.name, answers: member.silence == nil,
            silentSeconds: member.silence.map { ($0 * 10).rounded() / 10 }, reason: member.fault,
            generation: report?.status.generation, converged: report?.status.converged ?? false,
            door: (report ?? member.report)?.life?.door ?? .open)
    }

    private var edge: EdgeStatus {
        let all = members.map { ($0.name, $0.silence == nil ? $0.report?.status.edge : nil) }
        guard let url = all.compactMap(\.1).first(where: { !$0.url.isEmpty })?.url else {
            return EdgeStatus(url: "", state: .down)
        }
        let (state, reason) = worst(all.map { ($0.0, $0.1?.state, $0.1?.reason ?? "") })
        return EdgeStatus(url: url, state: state, reason: reason)
    }

    private var gate: GateStatus {
        let all = members.map { member -> (String, GateStatus?) in
            guard member.silence == nil, var gate = member.report?.status.gate else { return (member.name, nil) }
            // The host's own line says it.
            if member.report?.life.map({ $0.door != .open }) == true { gate.reason = "" }
            return (member.name, gate)
        }
        let (state, reason) = worst(all.map { ($0.0, $0.1?.state, $0.1?.reason ?? "") })
        return GateStatus(state: state, reason: reason)
    }

    /// Of hosts that do not answer nothing is said here: they have their own line.
    private func worst(_ all: [(host: String, state: EdgeStatus.State?, reason: String)]) -> (EdgeStatus.State, String)
    {
        let known = all.compactMap { row in row.state.map { (row.host, $0, row.reason) } }
        let reason = known.filter { !$0.2.isEmpty }.map { "\($0.0): \($0.2)" }.joined(separator: "; ")
        for state in [EdgeStatus.State.down, .starting] {
            let those = known.filter { $0.1 == state }.map(\.0)
            if those.count == known.count { return (state, reason) }
            if !those.isEmpty { return (state, reason.isEmpty ? "on \(those.joined(separator: ", "))" : reason) }
        }
        return (known.isEmpty ? .down : .up, reason)
    }
}
