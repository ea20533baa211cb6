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
    /// What a step has to say of its work, for the journal.
    var account = ""
    /// Sees every report from the beginning: what the generation before does is the measure.
    let soak: SoakWatch

    init(
        ports: OperatorPorts, credentials: InstanceCredentials, seams: RolloutSeams, plan: GenerationPlan,
        record: LedgerRecord, rollout: RolloutRecord, machine: RolloutMachine
    ) {
        self.ports = ports
        self.credentials = credentials
        self.seams = seams
        self.plan = plan
        self.record = record
        self.rollout = rollout
        self.machine = machine
        soak = SoakWatch(plan: plan, current: machine.current)
    }

    /// The generation before, whether it runs or has been lost.
    var old: GenerationPlan? { record.current.flatMap { $0.number == plan.number ? nil : $0 } }
    /// It, if it runs.
    var current: GenerationPlan? { machine.current == nil ? nil : old }

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
        account = ""
        let actions = try await decide(step)
        let turned = machine.isUndoing && !wasUndoing
        var failure = turned ? machine.reason : nil
        switch machine.outcome {
        case .unfinished(_, let why)?, .undoFailed(_, let why)?: failure = why
        default: break
        }
        let remark = account.isEmpty ? seams.remark(step) : account
        try await journal(failure == nil ? .done : .failed, step, failure ?? remark)
        return actions
    }

    private mutating func decide(_ step: RolloutStep) async throws -> [RolloutMachine.Action] {
        switch step {
        case .verify, .part(_, .verify): return try await observe()
        case .watch:
            let canary = plan.rollout.canary ?? CanaryRolloutSpec()
            ports.progress.step("canary: watching \(canary.words(machine.road.spansHosts)) for \(canary.time.spelled)")
            return try await observe()
        case .soak:
            ports.progress.step("watching generation \(plan.number) for \(plan.rollout.bake.spelled)")
            return try await observe()
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
        case .settle: try await asking { try await $0.seal(plan.number) }
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
        case .part(let number, let deed): return try await carryOut(deed, of: number)
        case .verify, .watch, .soak: break
        }
        return nil
    }
}
