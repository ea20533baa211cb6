import Fleet

/// Decides each step of giving a generation that serves more instances, or fewer, while the others go on.
///
/// The new ones come first, and must be fit and like the others; then those go that are too many. Until the first of
/// these drains all can be as it was.
package struct ScaleMachine: Sendable, Equatable {
    package enum Event: Sendable, Equatable {
        case begin
        case done(RolloutStep)
        case failed(RolloutStep, String)
        /// What the supervisor sees; nil when it does not answer.
        case observed([InstanceStatus]?, at: Seconds)
        /// An operator's interrupt, or wish to go back, in words.
        case turnBack(String)
    }

    package enum Action: Sendable, Equatable {
        /// Answered by `done` or `failed`; `verify` by observations until there is a decision.
        case perform(RolloutStep)
        case finish(RolloutMachine.Outcome)
    }

    package private(set) var step: RolloutStep?
    package private(set) var isUndoing: Bool
    package private(set) var reason: String
    /// Some of those that are too many may have gone: only forward.
    package private(set) var isPastReturn: Bool
    private var outcome: RolloutMachine.Outcome?
    private var ahead: [RolloutStep]
    private let judge: GenerationJudge
    private var progress: ProgressJudge

    /// - Parameters:
    ///   - isPastReturn, undoing: of one that was cut; the reason why it was being undone, nil when it was not.
    package init(_ amendment: Amendment, isPastReturn: Bool = false, undoing reason: String? = nil) {
        self.isPastReturn = isPastReturn
        isUndoing = reason != nil && !isPastReturn
        self.reason = reason ?? ""
        judge = GenerationJudge(plan: amendment.wide)
        progress = ProgressJudge(plan: amendment.wide)
        // Begun again from its beginning: each step finds out what is done already.
        let more: [RolloutStep] = amendment.added.isEmpty ? [] : [.preflight, .stage, .start, .verify]
        let fewer: [RolloutStep] = amendment.surplus.isEmpty ? [] : [.drain]
        ahead = isUndoing ? Self.back : (isPastReturn ? fewer : more + fewer) + [.stop, .finalize]
    }

    private static let back: [RolloutStep] = [.takeAway, .finalizeUndone]

    package var canTurnBack: Bool { !isUndoing && !isPastReturn && outcome == nil }

    package mutating func handle(_ event: Event) -> [Action] {
        guard outcome == nil else { return [] }
        switch event {
        case .begin: return step == nil ? advance() : []
        case .done(let done): return step == done && done != .verify ? advance() : []
        case .failed(let failed, let why): return step == failed ? failure(failed, why) : []
        case .observed(let instances, let at): return step == .verify ? verify(instances, at) : []
        case .turnBack(let why): return canTurnBack ? undo(why) : []
        }
    }

    /// Each by itself, then all against all: also the old ones, which the new must be like.
    private mutating func verify(_ instances: [InstanceStatus]?, _ at: Seconds) -> [Action] {
        switch judge.judge(instances ?? [], serving: false) {
        case .broken(let why): return undo(why)
        case .fit: return advance()
        case .waiting: return progress.observe(instances, at: at).map { undo($0) } ?? []
        }
    }

    private mutating func failure(_ failed: RolloutStep, _ why: String) -> [Action] {
        if isUndoing { return finish(.undoFailed(reason: reason, then: why)) }
        return isPastReturn ? finish(.unfinished(failed, why)) : undo(why)
    }

    private mutating func undo(_ why: String) -> [Action] {
        reason = why
        isUndoing = true
        ahead = Self.back
        return advance()
    }

    private mutating func advance() -> [Action] {
        guard let next = ahead.first else { return finish(isUndoing ? .undone(reason: reason) : .converged) }
        ahead.removeFirst()
        step = next
        isPastReturn = isPastReturn || next.isPastReturn
        return [.perform(next)]
    }

    private mutating func finish(_ end: RolloutMachine.Outcome) -> [Action] {
        step = nil
        outcome = end
        return [.finish(end)]
    }
}
