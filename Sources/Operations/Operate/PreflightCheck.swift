import Fleet
import Planning
import Ports
import Synchronization

/// What has to be right on this host before anything of the next generation is made.
struct PreflightCheck: Sendable {
    let ports: OperatorPorts
    let room: any HostRoom
    let layout: FleetLayout

    /// Why this host can't take the next generation, with figures; nil = it can. Nothing is changed.
    func fault(_ next: GenerationPlan, _ report: StatusReport) async -> String? {
        let findings = findings(next, report)
        if let note = Self.unconverged(report) { ports.progress.step(note) }
        let isWayBack = (try? await ports.ledger.load())?.rollout?.verb == "rollback"
        // Memory is an estimate: it must not close the way back.
        let refuses: (RoomFinding) -> Bool = { $0.isRefusal && !(isWayBack && $0.kind == .memory) }
        for finding in findings where !refuses(finding) { ports.progress.step("note: \(finding.words)") }
        let refusals = findings.filter(refuses).map(\.words)
        if !refusals.isEmpty { return refusals.joined(separator: "; ") }
        return await rehearsalFault(next)
    }

    /// What the server says of its settings, and the edge's of the configuration that the next generation would
    /// serve by.
    private func rehearsalFault(_ next: GenerationPlan) async -> String? {
        do {
            try await ports.asking { try await $0.rehearse(next) }
            return nil
        } catch let failure as Failure where failure.code == .usage {
            // A supervisor that an older convoy started does not know how. It checks when it begins.
            return nil
        } catch {
            return FleetSupervisor.words(error)
        }
    }

    func findings(_ next: GenerationPlan, _ report: StatusReport) -> [RoomFinding] {
        let current = report.generations.first { $0.number == report.status.generation }
        let own = report.status.instances.filter { $0.generation == current?.number }
        var figures = room.figures(inquiry(next, own, report))
        // The supervisor keeps ports of slots that do not run from others: for the next generation, too.
        let supervisor = report.status.supervisor.pid.map { "(pid \($0))" }
        figures.listeners = figures.listeners.filter { entry in supervisor.map { !entry.value.hasSuffix($0) } ?? true }
        let known = report.generations.first { $0.number == next.number }
        guard let known, let added = next.beyond(known) else {
            // One that was begun before it was cut listens already.
            if known != nil { figures.listeners = [:] }
            return RoomJudge(next: next, current: current, instances: own, room: figures).findings()
        }
        // More instances of who serves need no more than their share of what all use.
        let part = Double(added.instances.count) / Double(max(1, known.instances.count))
        figures.usedBytes = Int(Double(figures.usedBytes) * part)
        figures.usedFiles = Int(Double(figures.usedFiles) * part)
        return RoomJudge(next: added, current: known, instances: own, room: figures).findings()
    }

    private func inquiry(
        _ next: GenerationPlan, _ current: [InstanceStatus], _ report: StatusReport
    ) -> RoomInquiry {
        RoomInquiry(
            directories: [layout.state, layout.logs, layout.configuration, layout.runtime],
            trees: current.flatMap {
                [layout.instance($0.name), layout.privateInstance($0.name), layout.log($0.name)]
            },
            ports: next.instances.flatMap { [$0.port, $0.monitoringPort].compactMap(\.self) },
            processes: current.compactMap(\.pid), starter: report.status.supervisor.pid)
    }

    /// A fleet that is not whole may be rolled: the next generation is perhaps what mends it.
    static func unconverged(_ report: StatusReport) -> String? {
        guard report.status.generation > 0, !report.status.converged else { return nil }
        let own = report.status.instances.filter { $0.generation == report.status.generation }
        let worst = own.first { !$0.ready }.map { "\($0.name) is \($0.state.rawValue): \($0.reason)" }
        let why = worst ?? "the edge is \(report.status.edge.state.rawValue)"
        return "note: generation \(report.status.generation) is not whole (\(why)); the next one may mend that, "
            + "so it goes on"
    }
}

extension GenerationPlan {
    /// Those that the same generation has not got yet, as if they were all: they start at once, and nobody goes.
    /// Nil when it has them all.
    fileprivate func beyond(_ known: GenerationPlan) -> GenerationPlan? {
        let names = Set(known.instances.map(\.name))
        var plan = self
        plan.instances.removeAll { names.contains($0.name) }
        plan.rollout.strategy = .flip
        return plan.instances.isEmpty ? nil : plan
    }
}

extension RolloutSeams {
    /// The same, with a look at the host before anything is made, and at what callers would meet before the flip.
    package func watching(_ ports: OperatorPorts, layout: FleetLayout, room: any HostRoom) -> RolloutSeams {
        let preflight = PreflightCheck(ports: ports, room: room, layout: layout)
        let found = Mutex("")
        let compatibility = CompatibilityCheck(ports: ports, layout: layout, acceptsBreaking: acceptsBreaking) {
            words in
            found.withLock { $0 = words }
        }
        var seams = self
        seams.preflight = { await preflight.fault($0, $1) }
        seams.compare = { current, next, _ in await compatibility.fault(current, next) }
        seams.warnings = { preflight.findings($0, $1).map(\.words) }
        seams.remark = { $0 == .compare ? found.withLock(\.self) : "" }
        return seams
    }
}
