import Fleet

/// Decides each step of bringing up a generation beside the one that serves, and of taking it away
/// again when anything is wrong. All or nothing (law 3): until the flip the current generation is
/// never touched; after it, only a finished soak takes the old one away.
///
/// The first `up` is the same road with no generation before it. A rollout that was cut is taken up
/// again by a new machine, forward or back.
package struct RolloutMachine: Sendable, Equatable {
    package enum Event: Sendable, Equatable {
        case begin
        case done(RolloutStep)
        case failed(RolloutStep, String)
        /// What the supervisor sees of the next generation; nil when it does not answer.
        case observed([InstanceStatus]?, at: Seconds)
        /// The supervisor answers, but by words that this convoy does not understand: waiting can't help.
        case unreadable(String)
        /// The new generation serves worse than the one before did; said while it soaks.
        case worse(String)
        /// An operator's interrupt, or wish to go back, in words.
        case turnBack(String)
    }

    package enum Action: Sendable, Equatable {
        /// Answered by `done` or `failed`; `verify` and `soak` by observations until there is a decision.
        case perform(RolloutStep)
        case finish(Outcome)
    }

    package enum Outcome: Sendable, Equatable {
        case converged
        /// The new generation serves, but a step after its soak failed: it can be done again.
        case unfinished(RolloutStep, String)
        /// Nothing changed.
        case undone(reason: String)
        /// Something of the next generation may be left, or serve.
        case undoFailed(reason: String, then: String)
    }

    /// Under way; nil before the beginning and after the end.
    package private(set) var step: RolloutStep?
    package private(set) var outcome: Outcome?
    package private(set) var isUndoing = false
    /// Why it is being undone.
    package private(set) var reason = ""
    /// New traffic may go to the next generation.
    package private(set) var mayServe: Bool
    package let current: Int?
    private let bake: Seconds
    private let patience: Seconds
    private let judge: GenerationJudge
    private var progress: ProgressJudge
    private var ahead: [RolloutStep]
    private var begun: Set<RolloutStep>
    private var isCompared = false
    private var soakBegan: Seconds?

    /// - Parameters:
    ///   - plan: the next generation.
    ///   - current: number of the generation that serves, or served when it began.
    ///   - place: where it was cut; nil for a new one.
    package init(plan: GenerationPlan, current: Int?, from place: RolloutPlace? = nil) {
        self.current = current
        bake = plan.rollout.bake
        patience = plan.health.startDeadline
        judge = GenerationJudge(plan: plan)
        progress = ProgressJudge(plan: plan)
        begun = place?.begun ?? []
        mayServe = (current == nil ? place?.serves : place?.mayServe) ?? false
        ahead = Self.road(from: place?.next(hasCurrent: current != nil) ?? .preflight, hasCurrent: current != nil)
        // A first generation that serves, after a flip that seemed to fail, can't be taken away: it stays.
        guard let place, place.isUndoing, current != nil || !place.serves else { return }
        isUndoing = true
        reason = place.reason.isEmpty ? "it was being undone" : place.reason
        ahead = wayBack
    }

    /// Whether it can still be as if nothing had been.
    package var canTurnBack: Bool {
        guard !isUndoing, outcome == nil, begun.allSatisfy({ !$0.isPastReturn }) else { return false }
        // There is nothing to flip back to.
        return current != nil || !mayServe || step == .flip
    }

    package mutating func handle(_ event: Event) -> [Action] {
        guard outcome == nil else { return [] }
        switch event {
        case .begin: return step == nil ? advance() : []
        case .done(let done): return step == done ? finished(done) : []
        case .failed(let failed, let why): return step == failed ? failure(why) : []
        case .observed(let instances, let at): return observed(instances, at)
        case .unreadable(let why): return step == .verify || step == .soak ? undo(why) : []
        case .worse(let why): return step == .soak ? undo(why) : []
        case .turnBack(let why): return canTurnBack ? undo(why) : []
        }
    }

    /// Before the beginning: one that was cut goes back from where it is.
    package mutating func turnBack(_ why: String) -> Bool {
        guard step == nil, canTurnBack else { return false }
        reason = why
        isUndoing = true
        ahead = wayBack
        return true
    }

    private mutating func finished(_ done: RolloutStep) -> [Action] {
        switch done {
        // These end by what is seen, not by being said to be done.
        case .verify, .soak: return []
        case .compare where !isCompared: return undo("the instances could not be compared")
        default: return advance()
        }
    }

    private mutating func failure(_ why: String) -> [Action] {
        guard let step else { return [] }
        if isUndoing { return finish(.undoFailed(reason: reason, then: why)) }
        return step.isPastReturn ? finish(.unfinished(step, why)) : undo(why)
    }

    private mutating func observed(_ instances: [InstanceStatus]?, _ at: Seconds) -> [Action] {
        switch step {
        case .verify: return verify(instances, at)
        case .compare: return compare(instances ?? [])
        case .soak: return soak(instances, at)
        // Late news changes nothing: it races with the steps by nature.
        default: return []
        }
    }

    private mutating func verify(_ instances: [InstanceStatus]?, _ at: Seconds) -> [Action] {
        switch judge.each(instances ?? [], serving: false) {
        case .broken(let why): return undo(why)
        case .fit: return advance()
        case .waiting: return progress.observe(instances, at: at).map { undo($0) } ?? []
        }
    }

    private mutating func compare(_ instances: [InstanceStatus]) -> [Action] {
        switch judge.judge(instances, serving: false) {
        case .broken(let why): return undo(why)
        case .fit:
            isCompared = true
            return []
        case .waiting:
            // One has become unfit since: it has its time again.
            ahead = [.compare] + ahead
            return perform(.verify)
        }
    }

    private mutating func soak(_ instances: [InstanceStatus]?, _ at: Seconds) -> [Action] {
        let since = soakBegan ?? at
        soakBegan = since
        let verdict = instances.map { judge.each($0, serving: true) } ?? .waiting
        if case .broken(let why) = verdict { return undo(why) }
        if at.value - since.value < bake.value { return [] }
        if verdict == .fit { return advance() }
        guard at.value - since.value >= bake.value + patience.value else { return [] }
        return undo(
            instances == nil
                ? "the supervisor did not answer" : "not every instance was ready at the end of \(bake.spelled)")
    }

    private mutating func undo(_ why: String) -> [Action] {
        reason = why
        isUndoing = true
        ahead = wayBack
        return advance()
    }

    /// What was begun is taken back, last first. A flip that failed may have reached the gate: flipping back
    /// is idempotent, so it is done whenever there was one.
    private var wayBack: [RolloutStep] {
        var undos = Set(begun.compactMap(\.undo))
        if mayServe { undos.insert(.flipBack) }
        if current == nil { undos.remove(.flipBack) }
        return RolloutStep.back.filter { $0 == .finalizeUndone || undos.contains($0) }
    }

    private static func road(from first: RolloutStep, hasCurrent: Bool) -> [RolloutStep] {
        // With nothing before it there is nothing to watch against, and nothing to drain.
        RolloutStep.forward.filter { $0.rank >= first.rank && (hasCurrent || ($0 != .soak && $0 != .drain)) }
    }

    private mutating func advance() -> [Action] {
        guard let next = ahead.first else { return finish(isUndoing ? .undone(reason: reason) : .converged) }
        ahead.removeFirst()
        return perform(next)
    }

    private mutating func perform(_ next: RolloutStep) -> [Action] {
        step = next
        begun.insert(next)
        if next == .flip { mayServe = true }
        if next == .compare { isCompared = false }
        return [.perform(next)]
    }

    private mutating func finish(_ end: Outcome) -> [Action] {
        step = nil
        outcome = end
        return [.finish(end)]
    }
}

/// Where a cut rollout is, by its journal and by what serves now.
package struct RolloutPlace: Sendable, Equatable {
    /// Begun last.
    package var step: RolloutStep
    /// The edge sends new traffic to the next generation now.
    package var serves: Bool
    /// It was about to, or may have.
    package var mayServe: Bool
    package var isUndoing: Bool
    package var reason: String

    package init(step: RolloutStep, serves: Bool, mayServe: Bool, isUndoing: Bool = false, reason: String = "") {
        self.step = step
        self.serves = serves
        self.mayServe = mayServe || serves
        self.isUndoing = isUndoing || step.isWayBack
        self.reason = reason
    }

    /// Everything that may have left something.
    var begun: Set<RolloutStep> {
        guard step.isWayBack else { return Set(RolloutStep.forward.filter { $0.rank <= step.rank }) }
        return [.preflight, .stage, .start]
    }

    /// Of a generation that does not serve nothing is taken for granted but its users and files: it is begun
    /// again, which costs nothing where it runs, and verified again.
    func next(hasCurrent: Bool) -> RolloutStep {
        guard serves else { return !step.isWayBack && step.rank < RolloutStep.start.rank ? step : .start }
        if step.isPastReturn { return step }
        return hasCurrent ? .soak : .stop
    }
}
