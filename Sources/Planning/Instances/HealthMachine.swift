import Fleet

/// Decides from probes whether an instance is fit to be in rotation. Pure: time comes in with the
/// events, in seconds of a monotonic clock.
///
/// Laws: one failed probe never stops a process; readiness alone never does (a restart brings no
/// database back); whoever passes again comes back.
package struct HealthMachine: Sendable, Equatable {
    package enum Standing: Sendable, Equatable {
        /// Not yet ready since its start.
        case starting
        case fit
        case unfit
    }

    package enum Finding: Sendable, Equatable {
        /// Alive, ready, and the canary's answer was right.
        case passed
        /// Alive, but not ready or the canary failed.
        case failed(String)
        /// Alive, and refuses probes for its rate limit: no evidence either way.
        case busy(String)
        /// Not even the liveness URL answered.
        case lifeless(String)
    }

    package enum Event: Sendable, Equatable {
        /// The process was started (again): forget all about the last one.
        case started(at: Seconds)
        case probed(Finding, at: Seconds)
        /// Time passed with nothing to report.
        case tick(at: Seconds)
    }

    package enum Action: Sendable, Equatable {
        case admit
        case withdraw(reason: String)
        /// Never became ready within the start deadline. Said once per start.
        case giveUpStart(reason: String)
        /// Lives but answers nothing, many probes in a row: a restart can help. Said once per start.
        case restart(reason: String)
    }

    package private(set) var standing: Standing = .starting
    /// Why it is not fit, or the last fault while it still is; empty when there is nothing to say.
    package private(set) var reason = "starting"

    private let policy: HealthSpec
    private var startedAt: Seconds
    private var passes = 0
    private var failures = 0
    private var lifeless = 0
    private var startGivenUp = false
    private var restartAsked = false

    package init(policy: HealthSpec, startedAt: Seconds) {
        self.policy = policy
        self.startedAt = startedAt
    }

    /// An instance that was fit when its last supervisor died: it stays so until probes say else.
    package static func adopted(policy: HealthSpec, startedAt: Seconds) -> HealthMachine {
        var machine = HealthMachine(policy: policy, startedAt: startedAt)
        machine.standing = .fit
        machine.reason = ""
        return machine
    }

    /// Liveness failures in a row after which a restart is asked for: far beyond what takes an
    /// instance out of rotation, and never just one.
    package static func restartThreshold(_ policy: HealthSpec) -> Int { max(2, policy.unhealthyAfter * 3) }

    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .started(let at):
            self = HealthMachine(policy: policy, startedAt: at)
            return []
        case .tick(let at): return overdue(at)
        case .probed(.passed, _): return passed()
        case .probed(.failed(let why), let at):
            lifeless = 0
            return failed(why, at)
        case .probed(.busy(let why), let at):
            lifeless = 0
            reason = why
            return overdue(at)
        case .probed(.lifeless(let why), let at):
            lifeless += 1
            return failed(why, at) + unresponsive(why)
        }
    }

    private mutating func passed() -> [Action] {
        failures = 0
        lifeless = 0
        passes += 1
        // `healthyAfter` is for members that failed before; a fresh one has nothing against it.
        if standing == .unfit, passes < max(1, policy.healthyAfter) { return [] }
        reason = ""
        guard standing != .fit else { return [] }
        standing = .fit
        return [.admit]
    }

    private mutating func failed(_ why: String, _ at: Seconds) -> [Action] {
        passes = 0
        failures += 1
        reason = why
        switch standing {
        case .starting: return overdue(at)
        case .unfit: return []
        case .fit:
            guard failures >= max(1, policy.unhealthyAfter) else { return [] }
            standing = .unfit
            return [.withdraw(reason: why)]
        }
    }

    private mutating func unresponsive(_ why: String) -> [Action] {
        // While it starts, the start deadline is the judge.
        guard standing == .unfit, !restartAsked, lifeless >= Self.restartThreshold(policy) else { return [] }
        restartAsked = true
        return [.restart(reason: "no sign of life in \(lifeless) probes: \(why)")]
    }

    private mutating func overdue(_ at: Seconds) -> [Action] {
        let waited = at.value - startedAt.value
        guard standing == .starting, !startGivenUp, waited >= policy.startDeadline.value else { return [] }
        startGivenUp = true
        reason = "not ready within \(policy.startDeadline.spelled): \(reason)"
        return [.giveUpStart(reason: reason)]
    }
}

extension Seconds {
    /// As people write it: `500ms`, `2s`, `1.5s`.
    package var spelled: String {
        let milliseconds = Int((value * 1000).rounded())
        if abs(milliseconds) < 1000 { return "\(milliseconds)ms" }
        if milliseconds.isMultiple(of: 1000) { return "\(milliseconds / 1000)s" }
        return "\(Double(milliseconds) / 1000)s"
    }
}
