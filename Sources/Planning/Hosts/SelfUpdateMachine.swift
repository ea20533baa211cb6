import Fleet

/// The update of one host's Convoy, from the first question until it is confirmed, or taken back. It decides and does
/// nothing else.
///
/// From `arm` on the host goes back by itself unless `confirm` comes in time: so nobody has to be there for it. What a
/// lost connection left is read off the host's own marks, never guessed.
package struct SelfUpdateMachine: Sendable {
    package enum Event: Sendable, Equatable {
        /// - Parameter now: of a clock that only differences of mean anything.
        case gathered(UpdateFacts, now: Seconds)
        /// This host's turn.
        case go
        case done(UpdateStep)
        case failed(Failure)
        /// The way was lost; what was under way may be done or not.
        case lost(Failure)
    }

    package enum Action: Sendable, Equatable {
        case gather
        /// `arm` notes on the host what has to be as it was.
        case perform(UpdateStep, before: UpdateFacts.Lasting)
        case wait(Seconds)
    }

    package enum State: Sendable, Equatable {
        case examining
        /// Waits for its turn; false: there is nothing to do.
        case ready(Bool)
        case working
        case updated
        case unchanged
        /// It has the package that it had, and is healthy: why.
        case reverted(Failure)
        case refused([Failure])
        case failed(Failure)

        package var isOver: Bool {
            switch self {
            case .examining, .ready, .working: false
            case .updated, .unchanged, .reverted, .refused, .failed: true
            }
        }
    }

    /// Losses in a row, without an answer between them; then the host is left to its timer.
    package static let losses = 6
    private static let pause: Seconds = 0.5
    private static let mostUndos = 3
    /// A host that goes back may take as long as a package manager.
    private static let undoPatience: Seconds = 150

    package private(set) var state = State.examining
    /// What the host had at first.
    package private(set) var versionBefore: String?
    private let judge: UpdateJudge
    private var before = UpdateFacts.Lasting()
    private var pending: [UpdateStep] = []
    /// The host was seen to be at it, or was told to.
    private var hasBegun = false
    private var hasVisited = false
    /// Why it goes back.
    private var reason: String?
    private var undos = 0
    private var watchedSince: Seconds?
    private var undoneSince: Seconds?
    private var lost = 0

    package init(_ judge: UpdateJudge) { self.judge = judge }

    package mutating func begin() -> [Action] { [.gather] }

    package mutating func handle(_ event: Event) -> [Action] {
        guard !state.isOver else { return [] }
        switch event {
        case .gathered(let facts, let now):
            lost = 0
            return state == .working ? proceed(facts, now) : examine(facts)
        case .go:
            guard case .ready(let isNeeded) = state else { return [] }
            guard isNeeded else { return end(.unchanged) }
            state = .working
            // Others came first: it may be another one by now.
            return [.gather]
        case .done(let step): return advance(step)
        case .failed(let failure): return fail(failure)
        case .lost(let failure): return lose(failure)
        }
    }

    private mutating func examine(_ facts: UpdateFacts) -> [Action] {
        versionBefore = facts.package
        switch judge.judge(facts) {
        case .refused(let failures): return end(.refused(failures))
        case .unchanged: state = .ready(false)
        case .needed: state = .ready(true)
        }
        return []
    }

    private mutating func advance(_ step: UpdateStep) -> [Action] {
        guard state == .working else { return [] }
        pending.removeAll { $0 == step }
        if step == .arm { hasBegun = true }
        if step == .visit { hasVisited = true }
        if let next = pending.first { return [.perform(next, before: before)] }
        // Whatever was done, the host tells what came of it.
        return [.gather]
    }

    private mutating func proceed(_ facts: UpdateFacts, _ now: Seconds) -> [Action] {
        if let trial = facts.trial { return proceed(facts, trial, now) }
        if facts.packageFile == judge.wish.package.digest { return end(hasBegun ? .updated : .unchanged) }
        if hasBegun { return returned(facts, now) }
        switch judge.judge(facts) {
        case .refused(let failures): return end(.refused(failures))
        case .unchanged: return end(.unchanged)
        case .needed:
            before = facts.lasting
            pending = [.send, .keep, .arm, .install]
            return [.perform(.send, before: before)]
        }
    }

    private mutating func proceed(
        _ facts: UpdateFacts, _ trial: UpdateFacts.Trial, _ now: Seconds
    ) -> [Action] {
        guard trial.digest == judge.wish.package.digest else {
            return end(.failed(failure("another update has begun there", next: "wait for its end, then look")))
        }
        hasBegun = true
        before = trial.before
        if trial.isUndoing { return awaitReturn(now) }
        if facts.isInstalling { return again() }
        guard trial.isInstalled else {
            pending = [.install]
            return [.perform(.install, before: before)]
        }
        return judgeHealth(facts, now)
    }

    private mutating func judgeHealth(_ facts: UpdateFacts, _ now: Seconds) -> [Action] {
        let since = watchedSince ?? now
        watchedSince = since
        switch judge.health(facts, since: before) {
        case .healthy: return [.perform(hasVisited ? .confirm : .visit, before: before)]
        case .harmed(let why): return undo(why)
        case .waiting(let why):
            guard now.value - since.value < judge.wish.patience.value else { return undo(why) }
            return again()
        }
    }

    private mutating func undo(_ why: String) -> [Action] {
        reason = reason ?? why
        undos += 1
        guard undos <= Self.mostUndos else { return end(.failed(stuck(why))) }
        return [.perform(.undo, before: before)]
    }

    private mutating func awaitReturn(_ now: Seconds) -> [Action] {
        let since = undoneSince ?? now
        undoneSince = since
        guard now.value - since.value < Self.undoPatience.value else { return end(.failed(stuck("it is still at it"))) }
        return again()
    }

    /// The package that was there before is there again.
    private mutating func returned(_ facts: UpdateFacts, _ now: Seconds) -> [Action] {
        let since = undoneSince ?? now
        undoneSince = since
        // Who was harmed stays so; what counts is that all serves.
        let wished = UpdateFacts.Lasting(hasGate: before.hasGate, answer: before.answer)
        switch judge.health(facts, since: wished) {
        case .healthy:
            return end(
                .reverted(
                    failure(
                        reason ?? "it was not confirmed in time",
                        next: "see `journalctl -u convoy-supervisor` there; it has "
                            + "\(versionBefore.map { "convoy \($0)" } ?? "the package") again")))
        case .harmed(let why): return end(.failed(stuck(why)))
        case .waiting(let why):
            guard now.value - since.value < Self.undoPatience.value else { return end(.failed(stuck(why))) }
            return again()
        }
    }

    private mutating func fail(_ failure: Failure) -> [Action] {
        guard state == .working, hasBegun else { return end(.failed(failure)) }
        // What was installed in part, or is not reached from outside, goes back.
        guard undoneSince == nil else { return [.wait(1), .gather] }
        return undo(failure.why)
    }

    private mutating func lose(_ failure: Failure) -> [Action] {
        lost += 1
        guard state == .working, lost < Self.losses else {
            guard hasBegun else { return end(.failed(failure)) }
            var told = failure
            told.next =
                "unless it was confirmed it goes back by itself within \(judge.wish.window.spelled); run this again"
            return end(.failed(told))
        }
        return [.wait(Seconds(Double(1 << (lost - 1)))), .gather]
    }

    private func again() -> [Action] { [.wait(Self.pause), .gather] }

    private mutating func end(_ end: State) -> [Action] {
        state = end
        return []
    }

    private func failure(_ why: String, next: String) -> Failure {
        Failure(.failed, "cannot update \(judge.host.name)", because: why, next: next)
    }

    private func stuck(_ why: String) -> Failure {
        Failure(
            .revertFailed, "cannot bring the convoy of \(judge.host.name) back", because: why,
            next: "`dpkg -i \(UpdatePlace.before)` there; see `journalctl -u \(UpdatePlace.undoUnit)`")
    }
}
