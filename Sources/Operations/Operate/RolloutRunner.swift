import Fleet
import Planning
import Ports

/// Carries out what `RolloutMachine` decides. The ledger is written before each step that leaves
/// something behind, so that a cut rollout can be told from a finished one.
struct RolloutRunner: Sendable {
    let ports: OperatorPorts
    let credentials: InstanceCredentials

    func run(_ plan: GenerationPlan, over record: LedgerRecord) async throws -> RolloutMachine.Outcome {
        var machine = RolloutMachine(plan: plan, current: record.current?.number)
        var actions = machine.handle(.begin)
        while true {
            guard let action = actions.first else {
                throw Failure(
                    .failed, "the rollout stands still", because: "nothing is left to do in phase \(machine.phase)",
                    next: "report this; run `convoy status` to see what serves")
            }
            if case .finish(let outcome) = action { return outcome }
            actions = try await perform(action, &machine, plan, record)
        }
    }

    private func perform(
        _ action: RolloutMachine.Action, _ machine: inout RolloutMachine, _ plan: GenerationPlan,
        _ record: LedgerRecord
    ) async throws -> [RolloutMachine.Action] {
        switch action {
        case .stage: return machine.handle(await stage(plan, record))
        case .watch: return await watch(&machine, plan)
        case .flip: return machine.handle(await flip(plan, record))
        case .bake(let time): return await bake(time, &machine, plan)
        case .retireOld(let drain): return machine.handle(await retireOld(record.current, drain))
        case .undo(let back):
            ports.progress.step("taking generation \(plan.number) away: \(machine.reason)")
            return machine.handle(await undo(plan, record, back))
        case .finish: return []
        }
    }

    private func stage(_ plan: GenerationPlan, _ record: LedgerRecord) async -> RolloutMachine.Event {
        await event(.staged, or: { .stageFailed($0) }) {
            var intent = record
            intent.next = plan
            intent.nextGeneration = max(record.nextGeneration, plan.number + 1)
            try await ports.ledger.save(intent)
            if plan.instances.contains(where: { $0.proof != nil }) {
                ports.progress.step("giving \(plan.instances.count) instances a read-only database user each")
            }
            try await credentials.create(for: plan)
            ports.progress.step(
                "starting generation \(plan.number): \(plan.instances.count) x "
                    + "\(plan.release.name) \(plan.release.version) (\(plan.release.digest.short))")
            try await ports.control.begin(plan)
        }
    }

    private func watch(_ machine: inout RolloutMachine, _ plan: GenerationPlan) async -> [RolloutMachine.Action] {
        let deadline = ports.time.now().value + plan.rollout.deadline.value
        return await observe(&machine, plan, until: deadline, atEnd: .deadlinePassed)
    }

    private func bake(
        _ time: Seconds, _ machine: inout RolloutMachine, _ plan: GenerationPlan
    ) async -> [RolloutMachine.Action] {
        ports.progress.step("watching generation \(plan.number) for \(time.spelled)")
        return await observe(&machine, plan, until: ports.time.now().value + time.value, atEnd: .bakeEnded)
    }

    /// Feeds the machine with what the supervisor sees until it decides something.
    private func observe(
        _ machine: inout RolloutMachine, _ plan: GenerationPlan, until deadline: Double,
        atEnd: RolloutMachine.Event
    ) async -> [RolloutMachine.Action] {
        var revision: Int?
        while true {
            let left = deadline - ports.time.now().value
            if left <= 0 { return machine.handle(atEnd) }
            if ports.isInterrupted() { return machine.handle(.cancelled) }
            do {
                let report = try await ports.control.status(newerThan: revision, timeout: Seconds(min(left, 0.5)))
                revision = report.revision
                let own = report.status.instances.filter { $0.generation == plan.number }
                ports.progress.detail("\(own.count { $0.ready }) of \(plan.instances.count) ready")
                let actions = machine.handle(.observed(own))
                if !actions.isEmpty { return actions }
            } catch {
                // A supervisor that is being restarted comes back; the deadline is the judge.
                ports.progress.detail("the supervisor does not answer")
                try? await ports.time.sleep(0.2)
            }
        }
    }

    private func flip(_ plan: GenerationPlan, _ record: LedgerRecord) async -> RolloutMachine.Event {
        await event(.flipped, or: { .flipFailed($0) }) {
            ports.progress.step("all ready and proved: moving new traffic to generation \(plan.number)")
            try await ports.control.flip(to: plan.number)
            var outcome = record
            outcome.nextGeneration = max(record.nextGeneration, plan.number + 1)
            outcome.next = nil
            outcome.previous = record.current ?? record.previous
            outcome.current = plan
            try await ports.ledger.save(outcome)
        }
    }

    private func retireOld(_ old: GenerationPlan?, _ drain: Seconds) async -> RolloutMachine.Event {
        guard let old else { return .oldRetired }
        return await event(.oldRetired, or: { .retireFailed($0) }) {
            ports.progress.step("draining generation \(old.number), at most \(drain.spelled)")
            let report = try await ports.control.retire(old.number, only: nil, drain: drain)
            if !report.words.isEmpty { ports.progress.step("generation \(old.number) is gone: \(report.words)") }
            try await credentials.remove(of: old)
        }
    }

    private func undo(
        _ plan: GenerationPlan, _ record: LedgerRecord, _ back: Int?
    ) async -> RolloutMachine.Event {
        await event(.undone, or: { .undoFailed($0) }) {
            if let back { try await ports.control.flip(to: back) }
            try await ports.control.retire(plan.number, drain: back == nil ? 0 : record.current?.rollout.drain ?? 0)
            try await credentials.remove(of: plan)
            var outcome = record
            outcome.nextGeneration = max(record.nextGeneration, plan.number + 1)
            outcome.next = nil
            try await ports.ledger.save(outcome)
        }
    }

    private func event(
        _ success: RolloutMachine.Event, or failure: (String) -> RolloutMachine.Event, _ act: () async throws -> Void
    ) async -> RolloutMachine.Event {
        do {
            try await act()
            return success
        } catch {
            return failure(FleetSupervisor.words(error))
        }
    }
}
