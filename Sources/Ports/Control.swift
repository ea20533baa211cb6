import Fleet
import Planning

/// What an operator's `convoy` can ask of a host's supervisor. Every call is idempotent.
package protocol SupervisorControl: Sendable {
    /// Waits up to `timeout` for a status newer than `revision`; returns at once without one.
    func status(newerThan revision: Int?, timeout: Seconds) async throws -> StatusReport
    /// Starts the generation beside whatever runs; it gets no traffic yet.
    func begin(_ plan: GenerationPlan) async throws
    /// Moves all new traffic to the generation. Refused unless every instance of it is fit.
    func flip(to generation: Int) async throws
    /// Takes the generation out: drain, stop, forget.
    func retire(_ generation: Int, drain: Seconds) async throws
    /// Proves all users and probes all instances now, not at the next interval.
    func check() async throws
    /// Stops everything and the supervisor itself.
    func shutdown(drain: Seconds) async throws
}

/// What an operator asks of a supervisor when new traffic does not move all at once. Every call is idempotent.
package protocol TrafficControl: Sendable {
    /// Gives `part` (0...1) of the new traffic to a generation that does not serve; 0 takes it back. Sessions
    /// stay where they are. Returns once the gate does so. Refused unless every instance that it has is fit.
    func share(_ generation: Int, part: Double) async throws
    /// The same, in proportion to the fit instances of both generations, and kept so while these come and go.
    func balance(_ generation: Int) async throws
    /// Starts these instances of the generation, or all that are missing; the rest of the plan is known only.
    func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws
    /// Takes these instances away, also of the generation that serves, or all of it (nil): drain, stop, forget.
    func retire(_ generation: Int, only instances: Set<String>?, drain: Seconds) async throws -> DrainReport
}

/// What an operator asks before anything moves. Nothing is changed by it.
package protocol PreviewControl: Sendable {
    /// What a generation was last seen to offer to clients; nil when it has not answered yet, or is not known here.
    func offer(of generation: Int) async throws -> ReleaseOffer?
    /// Has the edge's server check the configuration that this generation would serve by. Throws its words.
    func rehearse(_ plan: GenerationPlan) async throws
}

extension PreviewControl {
    package func offer(of generation: Int) async throws -> ReleaseOffer? { nil }
    package func rehearse(_ plan: GenerationPlan) async throws {}
}

/// How several hosts move traffic together. Each promises, all flip for as long as they are told to hold, each is
/// sealed, and then it is for good. A flip to any generation ends it. Every call is idempotent.
package protocol TrialControl: Sendable {
    /// Refused unless all that it has of the generation is fit. The promise is good for `patience`.
    func promise(_ generation: Int, patience: Seconds) async throws
    /// Gives it a share of new traffic by the promise: refused without one. It lapses like a flip.
    ///
    /// - Parameter part: 0...1; nil = in proportion to the fit instances of both generations.
    func lend(_ generation: Int, part: Double?) async throws
    /// Flips by the promise: refused without one. It lapses when nothing is heard for the promise's `patience`.
    func attempt(_ generation: Int) async throws
    /// Refused when it has lapsed.
    func hold(_ generation: Int) async throws
    /// From now on, when nothing is heard, nobody is served. Refused when it has lapsed.
    func seal(_ generation: Int) async throws
    /// It is for good. Nothing happens when it is already.
    func finish(_ generation: Int) async throws
}

/// One host alone has nobody to wait for.
extension TrialControl {
    package func promise(_ generation: Int, patience: Seconds) async throws {}
    package func lend(_ generation: Int, part: Double?) async throws {}
    package func attempt(_ generation: Int) async throws {}
    package func hold(_ generation: Int) async throws {}
    package func seal(_ generation: Int) async throws {}
    package func finish(_ generation: Int) async throws {}
}

/// Whom one host serves, whatever it runs. Every call is idempotent.
package protocol HostLifeControl: Sendable {
    /// No new sessions from now on; those that it has go on.
    func cordon() async throws
    /// Cordons, waits for its sessions up to `deadline`, and then serves nobody. What it runs stays. Throws when it
    /// was uncordoned meanwhile.
    func drain(deadline: Seconds) async throws -> DrainReport
    /// Serves everybody again. Refused unless it serves that generation, all of it is fit, and it is not behind.
    func uncordon(generation: Int) async throws
    /// The rollout of that number goes on without this host: it serves nobody until it is welcomed. Needs no lease:
    /// whoever was told so later knows better.
    func leave(rollout: Int) async throws
    /// Is one of the fleet again, as of all rollouts up to that number. Refused like `uncordon`.
    func welcome(generation: Int, upTo rollout: Int) async throws
    /// Sessions in use that end with what this host runs.
    func guests() async throws -> Int
}

/// Several hosts have a life each.
extension HostLifeControl {
    package func cordon() async throws { throw Failure.noHost("cordon") }
    package func drain(deadline: Seconds) async throws -> DrainReport { throw Failure.noHost("drain") }
    package func uncordon(generation: Int) async throws { throw Failure.noHost("uncordon") }
    package func leave(rollout: Int) async throws { throw Failure.noHost("leave") }
    package func welcome(generation: Int, upTo rollout: Int) async throws { throw Failure.noHost("welcome") }
    package func guests() async throws -> Int { throw Failure.noHost("count sessions") }
}

extension Failure {
    fileprivate static func noHost(_ what: String) -> Failure {
        Failure(.failed, "cannot \(what)", because: "this is not one host's supervisor", next: "report this bug")
    }
}

package typealias FleetControl = SupervisorControl & TrafficControl & PreviewControl & TrialControl & HostLifeControl

package struct StatusReport: Sendable, Equatable, Codable {
    /// Counts up with each change of the status.
    package var revision: Int
    package var status: FleetStatus
    /// Every generation that the supervisor runs.
    package var generations: [GenerationPlan]
    /// Of every instance that the supervisor runs. They change all the time: no reason for a new revision.
    package var figures: [InstanceFigures]
    /// A flip, or a share of new traffic, that is held by the operator's word.
    package var trial: FlipTrial?
    /// Whom this host serves; nil in a report of several.
    package var life: HostLife?

    package init(
        revision: Int, status: FleetStatus, generations: [GenerationPlan], figures: [InstanceFigures] = [],
        trial: FlipTrial? = nil, life: HostLife? = nil
    ) {
        self.revision = revision
        self.status = status
        self.generations = generations
        self.figures = figures
        self.trial = trial
        self.life = life
    }
}

extension StatusReport {
    /// A supervisor that was started before an upgrade tells no figures.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            revision: try container.decode(Int.self, forKey: .revision),
            status: try container.decode(FleetStatus.self, forKey: .status),
            generations: try container.decode([GenerationPlan].self, forKey: .generations),
            figures: try container.decodeIfPresent([InstanceFigures].self, forKey: .figures) ?? [],
            trial: try container.decodeIfPresent(FlipTrial.self, forKey: .trial),
            life: try container.decodeIfPresent(HostLife.self, forKey: .life))
    }
}

/// Starts this host's supervisor when it does not run.
package protocol SupervisorLauncher: Sendable {
    /// Returns once its control socket answers; true when it had to be started.
    func ensureRunning() async throws -> Bool
    /// Returns once a supervisor that was told to shut down has ended.
    func waitUntilGone() async throws
}

extension SupervisorLauncher {
    package func waitUntilGone() async throws {}
}
