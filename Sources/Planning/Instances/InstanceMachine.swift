import Fleet

/// Decides what happens to one instance: proof before start, start, health, restart, stop. Pure:
/// times come in as seconds of a monotonic clock, effects go out as actions.
///
/// Laws: nothing runs before its user is proved; nothing that is not proved and fit is in rotation;
/// nothing is stopped but by an operator, a refuted proof before its start, or a lost sign of life.
package struct InstanceMachine: Sendable, Equatable {
    package enum Event: Sendable, Equatable {
        case begin(at: Seconds)
        case proved(ProofVerdict, at: Seconds)
        case started(at: Seconds)
        /// It runs since before this supervisor did, and its user was proved then. One whose generation has not
        /// served yet may never have been fit: it has to show that first.
        case adopted(restarts: Int, at: Seconds, hasServed: Bool = true)
        /// It must not or cannot be started: a changed byte, an exec that failed.
        case startRefused(String)
        case exited(String, at: Seconds, dice: Double)
        case retryDue(at: Seconds)
        case probed(Observation, at: Seconds)
        /// New traffic goes elsewhere; sessions that it opened stay with it.
        case drain
        /// It is needed after all: undoes `drain`, if its sessions did not go elsewhere yet.
        case recall
        /// Its sessions go elsewhere too: it ends the calls that it has, and gets no more.
        case expel
        case stop(at: Seconds)
        case stopOverdue
    }

    /// What one probe found.
    package struct Observation: Sendable, Equatable {
        package var finding: HealthMachine.Finding
        /// The server answered, and the answer was wrong: waiting will not mend that.
        package var isWrongAnswer: Bool
        package var eras: [Era]?
        package var toolsDigest: Digest?
        /// For whoever compares generations: the machine decides nothing by it.
        package var offer: ReleaseOffer?

        package init(
            finding: HealthMachine.Finding, isWrongAnswer: Bool = false, eras: [Era]? = nil,
            toolsDigest: Digest? = nil, offer: ReleaseOffer? = nil
        ) {
            self.finding = finding
            self.isWrongAnswer = isWrongAnswer
            self.eras = eras
            self.toolsDigest = toolsDigest
            self.offer = offer
        }
    }

    package enum Action: Sendable, Equatable {
        case prove
        case spawn
        case retry(after: Seconds)
        /// Ask to stop, and say `stopOverdue` after the plan's deadline.
        case terminate
        /// The whole group.
        case kill
        /// Whether it is in rotation has changed.
        case rotation
        case gone
    }

    private enum Life: Sendable, Equatable { case pending, launching, running, waiting, stopping, stopped, refused }

    package let plan: InstancePlan
    package private(set) var restarts = 0
    package private(set) var verdict: ProofVerdict
    package private(set) var provedAt: Seconds?
    package private(set) var startedAt: Seconds?
    package private(set) var eras: [Era] = []
    package private(set) var toolsDigest: Digest?
    private var life: Life = .pending
    private var health: HealthMachine
    private var restart = RestartMachine()
    private var wished = true
    private var draining = false
    private var expelled = false
    private var everFit = false
    private var withdrawn = false
    private var wrongAnswers = 0
    private var awaitsProof = false
    private var fault = ""
    private let policy: HealthSpec
    /// Deaths in a row from which on it is no help in rotation. Not the second: to take it out and back costs
    /// two reloads of nginx, and each cuts calls that are on their way on idle connections of clients; a closed
    /// port costs none.
    private static let crashLoop = 5

    package init(plan: InstancePlan, policy: HealthSpec) {
        self.plan = plan
        self.policy = policy
        verdict = plan.proof == nil ? .proved : .unverified("not proved yet")
        health = HealthMachine(policy: policy, startedAt: 0)
    }

    package mutating func handle(_ event: Event) -> [Action] {
        let before = inRotation
        var actions = decide(event)
        if inRotation != before { actions.append(.rotation) }
        return actions
    }

    private mutating func decide(_ event: Event) -> [Action] {
        switch event {
        case .begin: return begin()
        case .proved(let verdict, let at): return proved(verdict, at)
        case .started(let at): return started(at)
        case .adopted(let restarts, let at, let hasServed): return adopted(restarts, at, hasServed)
        case .startRefused(let why):
            guard life == .launching else { return [] }
            guard wished else { return stopped() }
            life = .refused
            fault = why
            return []
        case .exited(let cause, let at, let dice): return exited(cause, at, dice)
        case .retryDue: return wished && life == .waiting ? spawnIfProved() : []
        case .probed(let observation, let at): return probed(observation, at)
        case .drain:
            draining = true
            return []
        case .recall:
            if wished, !expelled { draining = false }
            return []
        case .expel:
            draining = true
            expelled = true
            return []
        case .stop: return stop()
        case .stopOverdue: return life == .stopping ? [.kill] : []
        }
    }

    private mutating func begin() -> [Action] {
        guard wished else { return [] }
        switch life {
        case .pending: return plan.proof == nil ? launch() : [.prove]
        // Somebody may have mended what stood against it.
        case .refused where !fault.isEmpty: return spawnIfProved()
        default: return []
        }
    }

    private mutating func adopted(_ restarts: Int, _ at: Seconds, _ hasServed: Bool) -> [Action] {
        guard life == .pending, wished else { return [] }
        life = .running
        startedAt = at
        self.restarts = restarts
        health =
            hasServed ? .adopted(policy: policy, startedAt: at) : HealthMachine(policy: policy, startedAt: at)
        everFit = hasServed
        // The proof of the last supervisor holds until the one that is asked for now.
        verdict = .proved
        provedAt = at
        return plan.proof == nil ? [] : [.prove]
    }

    private mutating func proved(_ verdict: ProofVerdict, _ at: Seconds) -> [Action] {
        self.verdict = verdict
        provedAt = at
        guard wished else { return [] }
        switch life {
        case .pending where verdict.isProved: return launch()
        case .pending:
            life = .refused
            return []
        case .refused where verdict.isProved && (fault.isEmpty || awaitsProof): return launch()
        case .waiting where verdict.isProved && awaitsProof: return launch()
        default: return []
        }
    }

    private mutating func started(_ at: Seconds) -> [Action] {
        guard life == .launching else { return [] }
        startedAt = at
        fault = ""
        wrongAnswers = 0
        _ = health.handle(.started(at: at))
        guard wished else {
            life = .stopping
            return [.terminate]
        }
        life = .running
        return []
    }

    private mutating func exited(_ cause: String, _ at: Seconds, _ dice: Double) -> [Action] {
        guard life == .running || life == .stopping else { return [] }
        startedAt = nil
        guard wished else { return stopped() }
        restarts += 1
        fault = cause
        life = .waiting
        var actions: [Action] = []
        for action in restart.handle(.died(at: at, dice: dice)) {
            switch action {
            case .start: actions += spawnIfProved()
            case .startAfter(let delay):
                if restart.deathsInARow >= Self.crashLoop { withdrawn = true }
                actions.append(.retry(after: delay))
            }
        }
        return actions
    }

    private mutating func spawnIfProved() -> [Action] {
        if verdict.isProved { return launch() }
        awaitsProof = true
        return [.prove]
    }

    /// From here on there may be a process, so that a stop must wait for news of it.
    private mutating func launch() -> [Action] {
        life = .launching
        awaitsProof = false
        return [.spawn]
    }

    private mutating func probed(_ observation: Observation, _ at: Seconds) -> [Action] {
        guard life == .running else { return [] }
        let wrongBefore = wrongAnswers
        wrongAnswers = observation.isWrongAnswer ? wrongAnswers + 1 : 0
        if let eras = observation.eras { self.eras = eras }
        if let digest = observation.toolsDigest { toolsDigest = digest }
        switch observation.finding {
        case .passed: _ = restart.handle(.healthy(at: at))
        // No evidence either way: what was counted stays counted.
        case .busy: wrongAnswers = wrongBefore
        case .failed, .lifeless: _ = restart.handle(.unhealthy)
        }
        var actions: [Action] = []
        for action in health.handle(.probed(observation.finding, at: at)) {
            switch action {
            case .admit:
                everFit = true
                withdrawn = false
            case .withdraw: withdrawn = true
            case .restart(let reason), .giveUpStart(let reason):
                fault = reason
                withdrawn = true
                actions.append(.kill)
            }
        }
        // One that came back from a crash must not serve wrong answers until its start deadline.
        if isHopeless, health.standing == .starting { withdrawn = true }
        return actions
    }

    private mutating func stop() -> [Action] {
        guard wished else { return [] }
        wished = false
        switch life {
        case .running:
            life = .stopping
            return [.terminate]
        case .pending, .waiting, .refused: return stopped()
        // Its start can't be called back: whatever comes of it is stopped then.
        case .launching, .stopping, .stopped: return []
        }
    }

    private mutating func stopped() -> [Action] {
        life = .stopped
        return [.gone]
    }
}

// MARK: What it looks like from outside

extension InstanceMachine {
    package var isFit: Bool { life == .running && health.standing == .fit && verdict.isProved }

    /// A crash alone does not take an instance out: nginx finds a closed port at once and asks the
    /// next, which costs less than two reloads.
    package var inRotation: Bool { keepsSessions && !draining }

    /// Whether it still gets the calls of sessions that it opened: also while it drains.
    package var keepsSessions: Bool {
        wished && everFit && !withdrawn && !expelled && verdict.isProved && life != .refused
    }

    /// Whether waiting can't help one that starts.
    private var isHopeless: Bool { wrongAnswers >= max(2, policy.unhealthyAfter) }

    package var state: InstanceState {
        switch life {
        case .launching where !wished: .stopping
        case .launching where restarts > 0: .restarting
        case .pending, .launching: .pending
        case .waiting: .restarting
        case .stopping: .stopping
        case .stopped: .stopped
        case .refused: .refused
        case .running where draining: .draining
        case .running where !verdict.isProved: .unfit
        case .running where health.standing == .starting: isHopeless ? .unfit : .starting
        case .running: health.standing == .fit ? .serving : .unfit
        }
    }

    package var reason: String {
        if !verdict.isProved, life != .pending, life != .launching { return "no proof: \(verdict.reason)" }
        if life == .running { return health.reason }
        return fault
    }
}
