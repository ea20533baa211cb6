import Fleet

/// Decides each step of bringing up a generation beside the one that serves, and of taking it away
/// again when anything is wrong. All or nothing (law 3): until the flip the current generation is
/// never touched; after it, only a finished soak takes the old one away. A rolling update takes its
/// instances away one part after the other, and starts them again before it gives up.
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
        /// The new generation serves worse than the one before did; said while it has traffic.
        case worse(String)
        /// An operator's interrupt, or wish to go back, in words.
        case turnBack(String)
    }

    package enum Action: Sendable, Equatable {
        /// Answered by `done` or `failed`; what only looks on (`verify`, `watch`, `soak`) by observations until
        /// there is a decision.
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
    package let road: RolloutRoad
    private let judge: GenerationJudge
    private var progress: ProgressJudge
    private var ahead: [RolloutStep]
    private var begun: Set<RolloutStep>
    private var isCompared = false
    private var watchBegan: Seconds?

    /// - Parameters:
    ///   - plan: the next generation.
    ///   - current: number of the generation that serves, or served when it began.
    ///   - before: the plan of that generation; a rolling update needs it.
    ///   - place: where it was cut; nil for a new one.
    package init(
        plan: GenerationPlan, current: Int?, before: GenerationPlan? = nil, from place: RolloutPlace? = nil
    ) {
        self.current = current
        road = RolloutRoad(plan: plan, hasCurrent: current != nil, before: before)
        judge = GenerationJudge(plan: plan)
        progress = ProgressJudge(plan: plan)
        begun = place?.begun(on: road) ?? []
        mayServe = (current == nil ? place?.serves : place?.mayServe) ?? false
        let first = place?.next(on: road) ?? .preflight
        ahead = Array(road.steps.drop { $0 != first })
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

    /// Some new traffic goes to the next generation, beside the one that serves.
    package var shares: Bool { road.parts.indices.contains { begun.contains(.part($0 + 1, .share)) } }

    /// Names of those of the next generation that the step is about.
    package var audience: Set<String> {
        switch step {
        case .part(let number, _): road.begun(through: number)
        case .watch: road.begun(through: road.parts.count)
        default: Set(judge.plan.instances.map(\.name))
        }
    }

    package mutating func handle(_ event: Event) -> [Action] {
        guard outcome == nil else { return [] }
        switch event {
        case .begin: return step == nil ? advance() : []
        case .done(let done): return step == done ? finished(done) : []
        case .failed(let failed, let why): return step == failed ? failure(why) : []
        case .observed(let instances, let at): return observed(instances, at)
        case .unreadable(let why): return looksOn ? undo(why) : []
        case .worse(let why): return looksOn && (step == .soak || shares) ? undo(why) : []
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

    /// The step ends by what is seen, not by being said to be done.
    private var looksOn: Bool { step == .watch || step == .soak || step?.isVerification == true }

    private mutating func finished(_ done: RolloutStep) -> [Action] {
        if looksOn { return [] }
        return done.isComparison && !isCompared ? undo("the instances could not be compared") : advance()
    }

    private mutating func failure(_ why: String) -> [Action] {
        guard let step else { return [] }
        if isUndoing { return finish(.undoFailed(reason: reason, then: why)) }
        return step.isPastReturn ? finish(.unfinished(step, why)) : undo(why)
    }

    private mutating func observed(_ instances: [InstanceStatus]?, _ at: Seconds) -> [Action] {
        switch step {
        case .verify, .part(_, .verify): return verify(instances, at)
        case .compare, .part(_, .compare): return compare(instances ?? [])
        case .watch: return watch(instances, at, for: judge.plan.rollout.canary?.time ?? CanaryRolloutSpec().time)
        case .soak: return watch(instances, at, for: judge.plan.rollout.bake)
        // Late news changes nothing: it races with the steps by nature.
        default: return []
        }
    }

    private mutating func verify(_ instances: [InstanceStatus]?, _ at: Seconds) -> [Action] {
        switch judge.each(instances ?? [], serving: false, among: audience) {
        case .broken(let why): return undo(why)
        case .fit: return advance()
        case .waiting: return progress.observe(instances, at: at).map { undo($0) } ?? []
        }
    }

    private mutating func compare(_ instances: [InstanceStatus]) -> [Action] {
        switch judge.judge(instances, serving: false, among: audience) {
        case .broken(let why): return undo(why)
        case .fit:
            isCompared = true
            return []
        case .waiting:
            guard let step else { return [] }
            // One has become unfit since: it has its time again.
            ahead = [step] + ahead
            if case .part(let number, _) = step { return perform(.part(number, .verify)) }
            return perform(.verify)
        }
    }

    private mutating func watch(_ instances: [InstanceStatus]?, _ at: Seconds, for time: Seconds) -> [Action] {
        let since = watchBegan ?? at
        watchBegan = since
        let verdict = instances.map { judge.each($0, serving: true, among: audience) } ?? .waiting
        if case .broken(let why) = verdict { return undo(why) }
        if at.value - since.value < time.value { return [] }
        if verdict == .fit { return advance() }
        guard at.value - since.value >= time.value + judge.plan.health.startDeadline.value else { return [] }
        return undo(
            instances == nil
                ? "the supervisor did not answer" : "not every instance was ready at the end of \(time.spelled)")
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
        // In each part what was before is fit before what came instead goes: nobody serves alone meanwhile, and
        // there need be room for one part more only.
        return road.back.filter { step in
            guard case .part(let number, _) = step else { return step == .finalizeUndone || undos.contains(step) }
            return undos.contains(.part(number, .restore))
        }
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
        if next.isComparison { isCompared = false }
        // Each part has its own time, and so has all that comes after them.
        if next == .start || next.isStartOfPart { progress = ProgressJudge(plan: judge.plan) }
        watchBegan = nil
        return [.perform(next)]
    }

    private mutating func finish(_ end: Outcome) -> [Action] {
        step = nil
        outcome = end
        return [.finish(end)]
    }
}
