import Fleet
import Planning
import Ports

/// Carries out what `ScaleMachine` decides, with a journal as a rollout has it. Each step finds out by itself what
/// an earlier, cut attempt has done.
struct ScaleRunner: Sendable {
    let ports: OperatorPorts
    let credentials: InstanceCredentials
    let seams: RolloutSeams
    let amendment: Amendment
    var record: LedgerRecord
    var scaling: ScalingRecord
    var machine: ScaleMachine

    private var number: Int { amendment.old.number }

    mutating func run() async throws -> RolloutMachine.Outcome {
        record.nextGeneration = max(record.nextGeneration, scaling.number + 1)
        try await save()
        var actions = machine.handle(.begin)
        while let action = actions.first {
            if ports.isInterrupted(), let turn = machine.handle(.turnBack("interrupted")).first {
                actions = [turn]
                continue
            }
            switch action {
            case .perform(let step): actions = try await carryOut(step)
            case .finish(let outcome):
                try await close(outcome)
                return outcome
            }
        }
        throw Failure(
            .failed, "the change stands still", because: "nothing is left to do", next: "report this; run `convoy up`")
    }

    /// Intent before, outcome after; a fact that a later convoy must know is in the record before it holds.
    private mutating func carryOut(_ step: RolloutStep) async throws -> [ScaleMachine.Action] {
        let undoing = machine.isUndoing ? machine.reason : nil
        if scaling.isPastReturn != machine.isPastReturn || scaling.undoing != undoing {
            scaling.isPastReturn = machine.isPastReturn
            scaling.undoing = undoing
            try await save()
        }
        try await journal(.intent, step, undoing ?? "")
        let actions: [ScaleMachine.Action]
        var fault: String?
        do {
            if step == .verify {
                actions = try await observe()
                fault = machine.isUndoing ? machine.reason : nil
            } else {
                try await act(step)
                actions = machine.handle(.done(step))
            }
        } catch let failure as Failure where failure.code == .leaseHeld {
            throw failure
        } catch {
            fault = FleetSupervisor.words(error)
            actions = machine.handle(.failed(step, fault ?? ""))
        }
        try await journal(fault == nil ? .done : .failed, step, fault ?? "")
        return actions
    }

    private mutating func act(_ step: RolloutStep) async throws {
        switch step {
        case .preflight: try await preflight()
        case .stage: try await stage()
        case .start: try await start()
        case .drain:
            ports.progress.step("draining \(names(amendment.surplus))")
            let drain = amendment.target.rollout.drain
            let surplus = try await there(amendment.surplus)
            let report = try await ports.asking { try await $0.retire(number, only: surplus, drain: drain) }
            if !report.words.isEmpty { ports.progress.step("they are gone: \(report.words)") }
        case .stop:
            if try await known() != amendment.target { try await begin(amendment.target) }
            try await credentials.remove(of: amendment.old.with(only: amendment.surplus))
        case .takeAway:
            ports.progress.step("taking \(names(amendment.added)) away: \(machine.reason)")
            let added = try await there(amendment.added)
            if !added.isEmpty { try await ports.asking { try await $0.retire(number, only: added, drain: 0) } }
            if try await known() != amendment.old { try await begin(amendment.old) }
            try await credentials.remove(of: amendment.target.with(only: amendment.added))
        case .finalize:
            try await admitNewcomers()
            record.current = amendment.target
        default: break
        }
    }

    private func preflight() async throws {
        ports.progress.step("looking for room for \(names(amendment.added))")
        let report = try await ports.asking { try await $0.status(newerThan: nil, timeout: 0) }
        if let why = await seams.preflight(amendment.wide, report) { throw Stop(why: why) }
        if !amendment.added.isEmpty { try await ports.hosts?.bring(amendment.target.release.digest) }
    }

    /// Who runs already keeps its password.
    private func stage() async throws {
        let missing = amendment.added.subtracting(try await there(amendment.added))
        ports.progress.step("giving \(names(missing)) a user and secrets")
        try await credentials.create(for: amendment.target.with(only: missing))
    }

    private func start() async throws {
        let known = try await known()
        guard known != amendment.wide, known != amendment.target else { return }
        ports.progress.step("starting \(names(amendment.added)) beside the others")
        try await begin(amendment.wide)
    }

    /// Hosts that came with the new instances serve nothing yet.
    private func admitNewcomers() async throws {
        let report = try await ports.asking { try await $0.status(newerThan: nil, timeout: 0) }
        guard report.status.hosts.contains(where: { $0.generation == 0 }) else { return }
        try await ports.asking { try await $0.flip(to: number) }
    }

    private func begin(_ plan: GenerationPlan) async throws { try await ports.asking { try await $0.begin(plan) } }

    private mutating func observe() async throws -> [ScaleMachine.Action] {
        let ports = ports
        return try await ports.watch { see($0) }
    }

    private mutating func see(_ sighting: Sighting) -> [ScaleMachine.Action] {
        switch sighting {
        case .begun, .silence: return machine.handle(.observed(nil, at: ports.time.now()))
        case .interrupt: return machine.handle(.turnBack("interrupted"))
        case .unreadable(let why): return machine.handle(.failed(.verify, why))
        case .report(let report):
            let own = report.status.instances.filter { $0.generation == number }
            ports.progress.detail("\(own.count { $0.ready }) of \(amendment.wide.instances.count) ready")
            return machine.handle(.observed(own, at: ports.time.now()))
        }
    }

    // MARK: What there is

    /// The generation as the supervisor knows it now.
    private func known() async throws -> GenerationPlan? {
        let report = try await ports.asking { try await $0.status(newerThan: nil, timeout: 0) }
        return report.generations.first { $0.number == number }
    }

    private func there(_ names: Set<String>) async throws -> Set<String> {
        names.intersection(try await known()?.instances.map(\.name) ?? [])
    }

    private func names(_ names: Set<String>) -> String { names.sorted().joined(separator: ", ") }

    // MARK: What is noted

    private mutating func close(_ outcome: RolloutMachine.Outcome) async throws {
        record.note(
            LedgerRecord.AuditEntry(
                at: ports.time.wallClock(), verb: "scale",
                outcome: "\(amendment.old.instances.count) -> \(amendment.target.instances.count): \(outcome)"))
        switch outcome {
        case .converged, .undone:
            record.scaling = nil
            try await ports.ledger.save(record)
        // Still to be done: the next `up` goes on with it.
        case .unfinished, .undoFailed: try await save()
        }
    }

    private mutating func save() async throws {
        record.scaling = scaling
        try await ports.ledger.save(record)
    }

    private func journal(_ mark: JournalEntry.Mark, _ step: RolloutStep, _ detail: String) async throws {
        var entry = JournalEntry(
            rollout: scaling.number, at: ports.time.wallClock(), step: step.rawValue, mark: mark, detail: detail)
        entry.index = try await ports.ledger.append(entry)
        seams.journaled(entry)
    }
}

extension GenerationPlan {
    /// As if it had no other instances.
    fileprivate func with(only names: Set<String>) -> GenerationPlan {
        var plan = self
        plan.instances.removeAll { !names.contains($0.name) }
        return plan
    }
}
