import Fleet

/// Decides when the keys of one issuer are fetched, and for how long they are good. Pure: time
/// (seconds of one monotonic clock) and randomness come in with the events.
///
/// Laws: one fetch at a time; no two fetches that somebody forced closer together than `forcedEvery`;
/// keys are never served beyond `staleLimit`; whatever happens, a next fetch comes.
package struct KeyRefreshMachine: Sendable, Equatable {
    package struct Policy: Sendable, Equatable {
        /// Bounds of what the issuer may wish by `Cache-Control: max-age`.
        package var shortest: Seconds = 300
        package var longest: Seconds = 3600
        /// When it wishes nothing.
        package var usual: Seconds = 600
        /// Pauses after errors: the first one, doubled each time, up to the last.
        package var firstRetry: Seconds = 2
        package var lastRetry: Seconds = 60
        /// The share of a pause that randomness may take away: hosts must not ask in step.
        package var jitter = 0.25
        package var forcedEvery: Seconds = 30
        package var staleLimit: Seconds = 86400
        /// A fetch whose end was not heard of after this time is given up.
        package var patience: Seconds = 30

        package init(forcedEvery: Seconds = 30, staleLimit: Seconds = 86400) {
            self.forcedEvery = forcedEvery
            self.staleLimit = staleLimit
        }
    }

    /// `dice` is random in 0..<1.
    package enum Event: Sendable, Equatable {
        /// The start, or the time that a `wake` asked for; harmless when it comes early or twice.
        case wake(at: Seconds)
        /// Somebody wants keys newer than these.
        case forced(at: Seconds)
        case fetched(Int, maxAge: Seconds?, at: Seconds, dice: Double)
        case failed(Int, String, at: Seconds, dice: Double)
    }

    package enum Action: Sendable, Equatable {
        /// Its end is told with the same number; an end under another number changes nothing.
        case fetch(Int)
        /// Replaces the wake before it.
        case wake(after: Seconds)
        /// The result that was just told is the one to serve from now on.
        case keep
    }

    private struct Running: Sendable, Equatable {
        var number: Int
        var since: Seconds
    }

    package let policy: Policy
    /// Why the last fetch failed; empty when it did not.
    package private(set) var reason = "not yet fetched"
    private var running: Running?
    private var fetches = 0
    private var failuresInARow = 0
    private var lastForced: Seconds?
    private var dueAt: Seconds?
    /// When the fetch that brought the keys began: they are at least as new as this.
    private var keptSince: Seconds?

    package init(policy: Policy = Policy()) { self.policy = policy }

    package var isFetching: Bool { running != nil }
    package var hasKeys: Bool { keptSince != nil }

    package func mayServe(at now: Seconds) -> Bool {
        guard let keptSince else { return false }
        return now.value - keptSince.value <= policy.staleLimit.value
    }

    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .wake(let now): return woken(now)
        case .forced(let now):
            // Who comes while a fetch is running gets its result.
            if running != nil { return [] }
            if let lastForced, now.value - lastForced.value < policy.forcedEvery.value { return [] }
            lastForced = now
            return begin(now)
        case .fetched(let number, let maxAge, let now, let dice):
            guard let fetch = running, fetch.number == number else { return [] }
            running = nil
            keptSince = fetch.since
            failuresInARow = 0
            reason = ""
            return [.keep, rest(pause(maxAge, dice), now)]
        case .failed(let number, let why, let now, let dice):
            guard running?.number == number else { return [] }
            return failed(why, now, dice)
        }
    }

    private mutating func woken(_ now: Seconds) -> [Action] {
        if let running {
            let left = policy.patience.value - (now.value - running.since.value)
            return left > 0 ? [.wake(after: Seconds(left))] : failed("a fetch did not end", now, 0)
        }
        if let dueAt, now < dueAt { return [.wake(after: Seconds(dueAt.value - now.value))] }
        return begin(now)
    }

    private mutating func begin(_ now: Seconds) -> [Action] {
        fetches += 1
        running = Running(number: fetches, since: now)
        return [.fetch(fetches), .wake(after: policy.patience)]
    }

    private mutating func failed(_ why: String, _ now: Seconds, _ dice: Double) -> [Action] {
        running = nil
        reason = why
        failuresInARow += 1
        var pause = policy.firstRetry.value
        for _ in 1..<failuresInARow where pause < policy.lastRetry.value { pause *= 2 }
        return [rest(min(pause, policy.lastRetry.value) * share(dice), now)]
    }

    private mutating func rest(_ pause: Double, _ now: Seconds) -> Action {
        dueAt = Seconds(now.value + pause)
        return .wake(after: Seconds(pause))
    }

    private func pause(_ maxAge: Seconds?, _ dice: Double) -> Double {
        let wished = maxAge?.value ?? policy.usual.value
        // Not a number compares with nothing: it counts as no wish.
        let bounded = wished.isNaN ? policy.usual.value : min(max(wished, policy.shortest.value), policy.longest.value)
        let pause = max(bounded * share(dice), policy.shortest.value)
        // There must be time for more than one try before the keys are too old.
        return min(pause, policy.staleLimit.value / 2)
    }

    private func share(_ dice: Double) -> Double {
        1 - (dice.isNaN ? 0 : min(max(dice, 0), 1)) * min(max(policy.jitter, 0), 0.9)
    }
}
