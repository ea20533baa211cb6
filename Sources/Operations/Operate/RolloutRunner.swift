import Fleet
import Planning
import Ports

/// Carries out what `RolloutMachine` decides, and keeps the journal: intent before each step, outcome after
/// it, so that a cut rollout can be taken up again anywhere.
///
/// It throws, and undoes nothing, when the journal can't be written or the lease is lost: what is not noted
/// must not be done, and who lost the lease is in charge no more.
struct RolloutRunner: Sendable {
    let ports: OperatorPorts
    let credentials: InstanceCredentials
    let seams: RolloutSeams
    let plan: GenerationPlan
    var record: LedgerRecord
    var rollout: RolloutRecord
    var machine: RolloutMachine

    /// The generation before, whether it runs or has been lost.
    var old: GenerationPlan? { record.current.flatMap { $0.number == plan.number ? nil : $0 } }
    /// It, if it runs.
    private var current: GenerationPlan? { machine.current == nil ? nil : old }

    mutating func run() async throws -> RolloutMachine.Outcome {
        do { return try await goThrough() } catch let lost as JournalFailure { throw lost.failure }
    }

    private mutating func goThrough() async throws -> RolloutMachine.Outcome {
        try await open()
        var actions = machine.handle(.begin)
        while let action = actions.first {
            if ports.isInterrupted() {
                let turned = machine.handle(.turnBack("interrupted"))
                if let turn = turned.first {
                    actions = [turn]
                    continue
                }
            }
            switch action {
            case .perform(let step): actions = try await carryOut(step)
            case .finish(let outcome):
                try await close(outcome)
                return outcome
            }
        }
        throw Failure(
            .failed, "the rollout stands still", because: "nothing is left to do after \(rollout.step)",
            next: "report this; run `convoy resume`")
    }

    private mutating func carryOut(_ step: RolloutStep) async throws -> [RolloutMachine.Action] {
        try await note(step)
        try await journal(.intent, step, machine.isUndoing ? machine.reason : "")
        let wasUndoing = machine.isUndoing
        let actions = try await decide(step)
        let turned = machine.isUndoing && !wasUndoing
        var failure = turned ? machine.reason : nil
        switch machine.outcome {
        case .unfinished(_, let why)?, .undoFailed(_, let why)?: failure = why
        default: break
        }
        try await journal(failure == nil ? .done : .failed, step, failure ?? "")
        return actions
    }

    private mutating func decide(_ step: RolloutStep) async throws -> [RolloutMachine.Action] {
        switch step {
        case .verify: return try await observe(nil)
        case .soak:
            ports.progress.step("watching generation \(plan.number) for \(plan.rollout.bake.spelled)")
            return try await observe(seams.soak(current, plan))
        default: break
        }
        do {
            if let turned = try await act(step) { return turned }
            return machine.handle(.done(step))
        } catch let failure as Failure where failure.code == .leaseHeld {
            throw failure
        } catch let lost as JournalFailure {
            throw lost
        } catch {
            return machine.handle(.failed(step, FleetSupervisor.words(error)))
        }
    }

    /// What the machine decided by what was seen meanwhile, or nil when the step is done.
    private mutating func act(_ step: RolloutStep) async throws -> [RolloutMachine.Action]? {
        switch step {
        case .preflight: try await preflight()
        case .stage: try await stage()
        case .start: try await start()
        case .compare: return try await compare()
        case .flip:
            ports.progress.step("all ready and proved: moving new traffic to generation \(plan.number)")
            try await flip()
        case .drain: try await drain()
        case .stop: try await stopOld()
        case .finalize: try await finalize()
        case .prune: try await credentials.removeStrays(keeping: [plan])
        case .flipBack:
            guard let from = machine.current else { return nil }
            ports.progress.step("moving traffic back to generation \(from)")
            try await asking { try await $0.flip(to: from) }
        case .takeAway: try await takeAway()
        case .finalizeUndone: record.next = nil
        case .verify, .soak: break
        }
        return nil
    }
}

// MARK: What each step does

extension RolloutRunner {
    private func preflight() async throws {
        ports.progress.step("checking every byte of \(plan.release.name) \(plan.release.version)")
        try await ports.releases.verify(plan.release.digest)
        if let why = await seams.preflight(plan, try await status()) { throw Stop(why: why) }
    }

    private func stage() async throws {
        if plan.instances.contains(where: { $0.proof != nil }) {
            ports.progress.step("giving \(plan.instances.count) instances a read-only database user each")
        }
        try await credentials.create(for: plan)
    }

    private func start() async throws {
        ports.progress.step(
            "starting generation \(plan.number): \(plan.instances.count) x "
                + "\(plan.release.name) \(plan.release.version) (\(plan.release.digest.short))")
        try await asking { try await $0.begin(plan) }
    }

    private mutating func compare() async throws -> [RolloutMachine.Action]? {
        let report = try await status()
        let actions = machine.handle(.observed(own(report), at: ports.time.now()))
        if !actions.isEmpty { return actions }
        if let why = await seams.compare(current, plan, report) { throw Stop(why: why) }
        return nil
    }

    private func drain() async throws {
        guard let old else { return }
        ports.progress.step("draining generation \(old.number), at most \(plan.rollout.drain.spelled)")
        try await asking { try await $0.retire(old.number, drain: plan.rollout.drain) }
    }

    private func stopOld() async throws {
        guard let old else { return }
        // It is gone by now, unless this rollout was cut in between; of one that is gone nothing is asked.
        try await asking { try await $0.retire(old.number, drain: 0) }
        try await credentials.remove(of: old)
    }

    private mutating func finalize() async throws {
        if rollout.verb != "up" { try await seams.nameRelease(plan.origin.spec.server.release) }
        record.previous = old ?? record.previous
        record.current = plan
        record.next = nil
        try await save()
    }

    private func takeAway() async throws {
        ports.progress.step("taking generation \(plan.number) away: \(machine.reason)")
        let drain = rollout.flipped ? old?.rollout.drain ?? 0 : 0
        try await asking { try await $0.retire(plan.number, drain: drain) }
        try await credentials.remove(of: plan)
    }

    /// A supervisor that was started again just now refuses until it has seen each instance fit itself.
    private func flip() async throws {
        do {
            try await asking { try await $0.flip(to: plan.number) }
        } catch let failure as Failure where failure.code != .leaseHeld {
            guard try await becomesFit() else { throw failure }
            try await asking { try await $0.flip(to: plan.number) }
        }
    }

    private func becomesFit() async throws -> Bool {
        let deadline = ports.time.now().value + plan.health.startDeadline.value
        while ports.time.now().value < deadline {
            if own(try await status()).count(where: { $0.ready }) == plan.instances.count { return true }
            try await ports.time.sleep(0.1)
        }
        return false
    }

    /// One that is being started again, or has to be, is no reason to give up. Every call is idempotent.
    @discardableResult
    private func asking<Answer: Sendable>(
        _ call: (any SupervisorControl) async throws -> Answer
    ) async throws -> Answer {
        do {
            return try await call(ports.control)
        } catch let failure as Failure where failure.code == .unavailable {
            _ = try await ports.launcher.ensureRunning()
            return try await call(ports.control)
        }
    }

    private func status() async throws -> StatusReport {
        try await asking { try await $0.status(newerThan: nil, timeout: 0) }
    }

    private func own(_ report: StatusReport) -> [InstanceStatus] {
        report.status.instances.filter { $0.generation == plan.number }
    }

    /// Feeds the machine with what the supervisor sees until it decides something.
    private mutating func observe(_ judge: RolloutSeams.SoakJudge?) async throws -> [RolloutMachine.Action] {
        var revision: Int?
        // Its time begins now, whether or not somebody answers.
        _ = machine.handle(.observed(nil, at: ports.time.now()))
        while true {
            if ports.isInterrupted() {
                let turned = machine.handle(.turnBack("interrupted"))
                if !turned.isEmpty { return turned }
            }
            var seen: [InstanceStatus]?
            do {
                let report = try await ports.control.status(newerThan: revision, timeout: 0.5)
                revision = report.revision
                let own = own(report)
                ports.progress.detail("\(own.count { $0.ready }) of \(plan.instances.count) ready")
                if let judge, let worse = await judge(report) {
                    let actions = machine.handle(.worse(worse))
                    if !actions.isEmpty { return actions }
                }
                seen = own
            } catch let failure as Failure where failure.code == .leaseHeld {
                throw failure
            } catch let failure as Failure where failure.code == .failed {
                return machine.handle(.unreadable("\(failure.what): \(failure.why); \(failure.next)"))
            } catch {
                ports.progress.detail("the supervisor does not answer")
                _ = try? await ports.launcher.ensureRunning()
                try? await ports.time.sleep(0.2)
            }
            let actions = machine.handle(.observed(seen, at: ports.time.now()))
            if !actions.isEmpty { return actions }
        }
    }
}

/// A step's own reason to stop.
private struct Stop: Error, CustomStringConvertible {
    let why: String
    var description: String { why }
}
