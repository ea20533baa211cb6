import Fleet

/// Decides each step of bringing up a generation beside the one that serves, and of taking it away
/// again when anything is wrong. All or nothing (law 3): until the flip the current generation is
/// never touched; after it, only a finished bake takes the old one away.
///
/// The first `up` is the same road with no generation before it.
package struct RolloutMachine: Sendable, Equatable {
    package enum Phase: String, Sendable, Equatable, Codable, CaseIterable {
        case waiting, staging, verifying, flipping, baking, retiring, finished, undoing, failed
    }

    package enum Event: Sendable, Equatable {
        case begin
        /// Users, secrets and release are in place and the supervisor has started the generation.
        case staged
        case stageFailed(String)
        /// What the supervisor sees of the next generation now.
        case observed([InstanceStatus])
        /// The deadline of the phase before the flip has passed.
        case deadlinePassed
        case flipped
        case flipFailed(String)
        /// It serves, and worse than the generation before.
        case worse(String)
        case bakeEnded
        case oldRetired
        /// The old generation could not be taken away; the new one serves all the same.
        case retireFailed(String)
        /// An operator's interrupt.
        case cancelled
        case undone
        case undoFailed(String)
    }

    package enum Action: Sendable, Equatable {
        case stage
        /// Report what the supervisor sees until told otherwise, and start the deadline.
        case watch
        case flip
        case bake(Seconds)
        case retireOld(drain: Seconds)
        /// Flip back first (to the given generation) when the edge was flipped already.
        case undo(flipBackTo: Int?)
        case finish(Outcome)
    }

    package enum Outcome: Sendable, Equatable {
        case converged
        /// The old generation still runs, out of the edge; says why it could not be taken away.
        case convergedWithLeftovers(String)
        /// Nothing changed.
        case undone(reason: String)
        /// Something of the next generation may be left.
        case undoFailed(reason: String, then: String)
    }

    package private(set) var phase: Phase = .waiting
    /// Why it is being undone.
    package private(set) var reason = ""
    package let expected: [String]
    package let current: Int?
    package let policy: RolloutSpec
    private var flippedAlready = false
    private let judge: GenerationJudge

    /// - Parameters:
    ///   - plan: the next generation.
    ///   - current: number of the generation that serves now.
    package init(plan: GenerationPlan, current: Int?) {
        expected = plan.instances.map(\.name)
        self.current = current
        policy = plan.rollout
        judge = GenerationJudge(plan: plan)
    }

    package mutating func handle(_ event: Event) -> [Action] {
        switch (phase, event) {
        case (.waiting, .begin):
            return transition(.staging, [.stage])
        case (.staging, .staged):
            return transition(.verifying, [.watch])
        case (.staging, .stageFailed(let why)), (.flipping, .flipFailed(let why)):
            return undo(why)
        case (.verifying, .observed(let instances)):
            return verify(instances)
        case (.verifying, .deadlinePassed):
            return undo("the next generation was not ready within \(Int(policy.deadline.value))s")
        case (.flipping, .flipped):
            return flipped()
        case (.baking, .observed(let instances)):
            if case .broken(let why) = judge.judge(instances, serving: true) { return undo(why) }
            return []
        case (.baking, .worse(let why)):
            return undo(why)
        case (.baking, .bakeEnded):
            return transition(.retiring, [.retireOld(drain: policy.drain)])
        case (.retiring, .oldRetired):
            return transition(.finished, [.finish(.converged)])
        case (.retiring, .retireFailed(let why)):
            return transition(.finished, [.finish(.convergedWithLeftovers(why))])
        case (.staging, .cancelled), (.verifying, .cancelled), (.flipping, .cancelled), (.baking, .cancelled):
            return undo("interrupted")
        case (.undoing, .undone):
            return transition(.failed, [.finish(.undone(reason: reason))])
        case (.undoing, .undoFailed(let then)):
            return transition(.failed, [.finish(.undoFailed(reason: reason, then: then))])
        default:
            // Late or repeated news changes nothing: events race with phases by nature.
            return []
        }
    }

    private mutating func verify(_ instances: [InstanceStatus]) -> [Action] {
        switch judge.judge(instances, serving: false) {
        case .waiting: return []
        case .broken(let why): return undo(why)
        case .fit: return transition(.flipping, [.flip])
        }
    }

    private mutating func flipped() -> [Action] {
        flippedAlready = true
        guard current != nil else { return transition(.finished, [.finish(.converged)]) }
        return transition(.baking, [.bake(policy.bake)])
    }

    private mutating func undo(_ why: String) -> [Action] {
        reason = why
        // A flip that failed may have reached the gate: flipping back is idempotent, so do it always.
        let back = (flippedAlready || phase == .flipping) ? current : nil
        return transition(.undoing, [.undo(flipBackTo: back)])
    }

    private mutating func transition(_ next: Phase, _ actions: [Action]) -> [Action] {
        phase = next
        return actions
    }
}
