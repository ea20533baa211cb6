import Fleet

/// Decides when a process that died is started again: the first time at once, then after growing
/// pauses, and at once again after it proved itself healthy for a while.
///
/// Times are seconds of one monotonic clock of the caller's choice.
package struct RestartMachine: Sendable, Equatable {
    package struct Policy: Sendable, Equatable {
        /// The pause after the second death in a row.
        package var firstPause: Seconds
        /// Each further pause is this much longer.
        package var factor: Double
        package var longestPause: Seconds
        /// The share of a pause that randomness may take away: instances that died together must
        /// not come back together.
        package var jitter: Double
        /// Healthy for this long, and earlier deaths are forgotten.
        package var forgetAfter: Seconds

        package init(
            firstPause: Seconds = 0.2, factor: Double = 2, longestPause: Seconds = 30, jitter: Double = 0.25,
            forgetAfter: Seconds = 30
        ) {
            self.firstPause = firstPause
            self.factor = factor
            self.longestPause = longestPause
            self.jitter = jitter
            self.forgetAfter = forgetAfter
        }
    }

    package enum Event: Sendable, Equatable {
        /// It exited, was killed, or could not be started at all. `dice` is random in 0..<1.
        case died(at: Seconds, dice: Double)
        /// A probe passed.
        case healthy(at: Seconds)
        /// It left rotation.
        case unhealthy
    }

    package enum Action: Sendable, Equatable {
        case start
        case startAfter(Seconds)
    }

    package let policy: Policy
    /// Deaths since the machine was made, for `status`.
    package private(set) var restarts: Int
    /// Deaths that count towards the pause.
    package private(set) var deathsInARow = 0
    private var healthySince: Seconds?

    package init(policy: Policy = Policy(), restarts: Int = 0) {
        self.policy = policy
        self.restarts = restarts
    }

    /// Exactly one action per death, none for anything else.
    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .healthy(let now):
            healthySince = healthySince ?? now
            return []
        case .unhealthy:
            healthySince = nil
            return []
        case .died(let now, let dice):
            if let since = healthySince, now.value - since.value >= policy.forgetAfter.value { deathsInARow = 0 }
            healthySince = nil
            restarts += 1
            deathsInARow += 1
            return [action(dice: dice)]
        }
    }

    private func action(dice: Double) -> Action {
        guard deathsInARow > 1 else { return .start }
        var pause = policy.firstPause.value
        for _ in 2..<deathsInARow {
            pause *= policy.factor
            if pause >= policy.longestPause.value { break }
        }
        pause = min(pause, policy.longestPause.value)
        let share = dice.isNaN ? 0 : min(max(dice, 0), 1) * policy.jitter
        return .startAfter(Seconds(pause * (1 - share)))
    }
}
