import Fleet

/// The bootstrap of one host, from the first question to the last look. It decides and does nothing else.
///
/// First every host is examined; nothing is changed on any before all may go (`go`). What a lost connection left is
/// never guessed at: the host is asked again, and what is missing then is done.
package struct BootstrapMachine: Sendable {
    package enum Event: Sendable, Equatable {
        case gathered(HostFacts, now: Double, delay: Double)
        /// What the convoy that is there would do: whether there is anything, and whether its firewall's rules differ.
        case planned(fleet: Bool, firewall: Bool)
        /// Every host may be changed.
        case go
        case done(BootstrapChange)
        case visited
        case failed(Failure)
        /// The way was lost; what was under way may be done or not.
        case lost(Failure)
    }

    package enum Action: Sendable, Equatable {
        case gather
        case plan
        case perform(BootstrapChange)
        /// Looks at the edge from outside.
        case visit
        /// Before the next action.
        case wait(Seconds)
    }

    package enum State: Sendable, Equatable {
        case examining
        /// Waits for `go`; the changes are what a person is shown.
        case ready([BootstrapChange])
        case working
        /// What was done, in the order in which it was.
        case converged([BootstrapChange])
        case refused([Failure])
        case failed(Failure)

        package var isOver: Bool {
            switch self {
            case .examining, .ready, .working: false
            case .converged, .refused, .failed: true
            }
        }
    }

    /// Losses in a row, without anything done between them.
    package static let patience = 4

    package private(set) var state = State.examining
    package private(set) var performed: [BootstrapChange] = []
    private let judge: BootstrapJudge
    private let isForLater: Bool
    private var pending: [BootstrapChange] = []
    private var mayGo = false
    private var losses = 0

    /// - Parameter isForLater: the fleet comes up later, and its firewall with it.
    package init(_ judge: BootstrapJudge, isForLater: Bool = false) {
        self.judge = judge
        self.isForLater = isForLater
    }

    package mutating func begin() -> [Action] { [.gather] }

    package mutating func handle(_ event: Event) -> [Action] {
        guard !state.isOver else { return [] }
        switch event {
        case .gathered(let facts, let now, let delay): return examine(judge.judge(facts, now: now, delay: delay))
        case .planned(let fleet, let firewall):
            // Which rules a fleet needs that is still to come up, its host can't know.
            return decide(fleet ? [.fleet, .firewall] : firewall ? [.firewall] : [])
        case .go:
            guard case .ready = state else { return [] }
            mayGo = true
            return next()
        case .done(let change):
            losses = 0
            performed.append(change)
            pending.removeAll { $0 == change }
            return next()
        case .visited:
            state = .converged(performed)
            return []
        case .failed(let failure):
            state = .failed(failure)
            return []
        case .lost(let failure): return lose(failure)
        }
    }

    private mutating func examine(_ finding: BootstrapJudge.Finding) -> [Action] {
        switch finding {
        case .refused(let failures):
            // Once it is being changed, what stands in the way is a failure like any other.
            state = mayGo ? failures.first.map { .failed($0) } ?? state : .refused(failures)
            return []
        case .changes(let changes) where changes.isEmpty: return [.plan]
        // A convoy, a release or a file that is new is a fleet to bring up: no need to ask.
        case .changes(let changes): return decide(changes + [.fleet, .firewall])
        }
    }

    private mutating func decide(_ changes: [BootstrapChange]) -> [Action] {
        pending = isForLater ? changes.filter { $0 != .firewall } : changes
        if mayGo { return next() }
        state = .ready(pending)
        return []
    }

    private mutating func next() -> [Action] {
        state = .working
        return [pending.first.map { .perform($0) } ?? .visit]
    }

    private mutating func lose(_ failure: Failure) -> [Action] {
        losses += 1
        // While it is examined a host that can't be reached is told at once: nothing is under way there.
        guard mayGo, losses < Self.patience else {
            state = .failed(failure)
            return []
        }
        return [.wait(Seconds(Double(1 << (losses - 1)))), .gather]
    }
}
