import Fleet
import Planning
import Ports

extension FleetOperator {
    /// How a rollout ended, for whoever asked for it.
    func conclude(
        _ outcome: RolloutMachine.Outcome, of runner: RolloutRunner, over record: LedgerRecord
    ) throws -> Result {
        let plan = runner.plan
        let verb = runner.rollout.verb
        let old = record.current.flatMap { $0.number == plan.number ? record.previous : $0 }
        switch outcome {
        case .converged:
            return .converged(
                generation: plan.number, from: old?.release, to: plan.release, drained: runner.rollout.drained)
        case .unfinished(let step, let why):
            throw Failure(
                .failed, "generation \(plan.number) serves, but \(step.words) failed", because: why,
                next: "run `convoy resume`; it tries again")
        case .undone(let reason):
            let hasGone = runner.machine.road.strategy == .rolling && runner.machine.shares
            let how = runner.rollout.flipped || hasGone ? "serves again" : "served throughout"
            let serving =
                old.flatMap { $0.number == runner.rollout.from ? $0 : nil }
                .map { "generation \($0.number) (\($0.release.version)) \(how)" } ?? "nothing serves"
            throw Failure(
                .failed, "\(verb) to \(plan.release.name) \(plan.release.version) stopped; \(serving)",
                because: reason, next: "see `convoy logs`; nothing has changed")
        case .undoFailed(let reason, let then):
            throw Failure(
                .revertFailed, "\(verb) stopped and could not be undone", because: "\(reason); then: \(then)",
                next: "run `convoy status`, mend the cause, then `convoy resume`: it goes on undoing")
        }
    }
}
