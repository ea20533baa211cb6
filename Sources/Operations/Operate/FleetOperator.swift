import Fleet
import Planning
import Ports

/// The operator's verbs. Every one can be run again safely; those that change something hold the
/// fleet's lease (their caller takes it).
package struct FleetOperator: Sendable {
    package let ports: OperatorPorts
    package let context: FleetContext
    package let seams: RolloutSeams

    package init(ports: OperatorPorts, context: FleetContext, seams: RolloutSeams = RolloutSeams()) {
        self.ports = ports
        self.context = context
        self.seams = seams
    }

    package enum Result: Sendable, Equatable {
        /// Everything was as wished already; names of users that were corrected.
        case unchanged(corrected: [String])
        /// `drained`: sessions of what served before; nil when it had none.
        case converged(generation: Int, from: ReleaseStamp?, to: ReleaseStamp, drained: DrainReport? = nil)
        /// A rollout that was cut has been taken back; what serves now, if anything does.
        case undone(generation: Int?, release: ReleaseStamp?, rolledTo: ReleaseStamp)
    }

    var credentials: InstanceCredentials { InstanceCredentials(ports: ports, context: context) }

    /// Makes the fleet what its files say.
    package func up() async throws -> Result {
        let result = try await converge(verb: "up")
        // A rollout that was cut has gone on without those that it had left.
        guard try await hasBehind() else { return result }
        let second = try await converge(verb: "up")
        try await refuseBehind()
        if case .unchanged = second { return result }
        return second
    }

    /// Rolls the whole fleet to the release that the context's spec names now.
    package func rollout() async throws -> Result {
        let record = try await ports.ledger.load()
        guard record.current != nil else { throw notUp("roll it to another release") }
        try await refuseSkips(record)
        let result = try await converge(verb: "rollout")
        if case .unchanged = result { try await seams.nameRelease(context.spec.server.release) }
        return result
    }

    /// - Parameter renew: makes a new generation although nothing differs; it is told the wish, and may object.
    func converge(verb: String, renew: ((Digest) throws -> Void)? = nil) async throws -> Result {
        let result = try await convergeThoseThere(verb: verb, renew: renew)
        try await readmit()
        return result
    }

    private func convergeThoseThere(verb: String, renew: ((Digest) throws -> Void)?) async throws -> Result {
        let known = try await ports.ledger.load()
        try refuseLeavers(known)
        let back = try await tellBehind(known)
        try await credentials.checkAdmin(removing: [known.current, known.next].compactMap(\.self))
        let release = try await present(context.spec.server.release)
        var planner = try await planner(release)
        try renew?(try planner.wish())
        let started = try await ports.launcher.ensureRunning()
        if started { ports.progress.step("supervisor started") }
        let record = try await settleScaling(known, wish: try planner.wish())
        if let result = try await goOn(record, wish: try planner.wish(), verb: verb) { return result }
        var cleaned = try await settle(record, wish: try planner.wish())
        try await bringBack(back, to: cleaned.current)
        planner.skips = ports.aside.names
        let number = cleaned.nextGeneration
        let plan = try planner.plan(number: number, current: cleaned.current)
        let isRenewal = renew != nil
        // Of the same wish, it lacks what hosts that were left behind should have.
        let target = isRenewal || !context.skips.isEmpty ? nil : try cleaned.current.flatMap { try planner.amended($0) }
        if !isRenewal, target == nil, let current = cleaned.current, current.wish == plan.wish, try await runs(current)
        {
            return try await keep(current)
        }
        if let current = cleaned.current, let target, try await isWhole(current) {
            return try await scale(current, to: target, over: cleaned)
        }
        cleaned.leave(context.skips, by: plan.number, at: ports.time.wallClock())
        return try await roll(plan, over: cleaned, verb: verb)
    }

    func roll(_ plan: GenerationPlan, over record: LedgerRecord, verb: String) async throws -> Result {
        // A current generation that the supervisor does not run (it lost its disk, or was told to stop) is no
        // generation to flip back to.
        var before: GenerationPlan?
        if let current = record.current, try await runs(current) { before = current }
        let rollout = RolloutRecord(
            number: plan.number, verb: verb, strategy: plan.rollout.strategy.rawValue, from: before?.number,
            step: RolloutStep.preflight.rawValue, startedAt: ports.time.wallClock(), holder: seams.holder,
            acceptsBreaking: seams.acceptsBreaking ? true : nil)
        var runner = RolloutRunner(
            ports: ports, credentials: credentials, seams: seams, plan: plan, record: record, rollout: rollout,
            machine: RolloutMachine(plan: plan, current: before?.number, before: before))
        return try conclude(try await runner.run(), of: runner, over: record)
    }

    private func runs(_ plan: GenerationPlan) async throws -> Bool {
        let report = try await ports.asking { try await $0.status(newerThan: nil, timeout: 0) }
        return report.status.generation == plan.number
    }

    private func keep(_ plan: GenerationPlan) async throws -> Result {
        try await refuseEmptied(plan)
        let corrected = try await credentials.correct(for: plan)
        for user in corrected { ports.progress.step("corrected the roles of \(user)") }
        try await ports.control.check()
        try await waitUntilConverged(plan)
        return .unchanged(corrected: corrected)
    }

    func waitUntilConverged(_ plan: GenerationPlan) async throws {
        let deadline = ports.time.now().value + plan.health.startDeadline.value
        var revision: Int?
        while true {
            let known = revision
            let report = try await ports.asking { try await $0.status(newerThan: known, timeout: 0.5) }
            if report.status.converged { return }
            revision = report.revision
            if ports.time.now().value >= deadline || ports.isInterrupted() {
                let worst = report.status.instances.first { !$0.ready }
                let why =
                    worst.map { "\($0.name) is \($0.state.rawValue): \($0.reason)" }
                    ?? "edge is \(report.status.edge.state.rawValue), gate is \(report.status.gate.state.rawValue)"
                throw Failure(
                    .failed, "the fleet is not whole", because: why, next: "see `convoy status` and `convoy logs`")
            }
        }
    }

    func audit(_ verb: String, _ outcome: String) async throws {
        var record = try await ports.ledger.load()
        record.note(LedgerRecord.AuditEntry(at: ports.time.wallClock(), verb: verb, outcome: outcome))
        try await ports.ledger.save(record)
    }

    func notUp(_ what: String) -> Failure {
        Failure(.failed, "cannot \(what)", because: "the fleet is not up", next: "run `convoy up` first")
    }
}

// MARK: Releases

extension FleetOperator {
    /// The release on this host, by its lock entry; resolved and locked first when it is new.
    package func present(_ reference: ReleaseReference) async throws -> InstalledRelease {
        let constraints = context.spec.server.constraints
        var lock = try LockFile(files: ports.files, path: context.lockFile).load()
        if let locked = lock.release(for: reference, constraints: constraints),
            reference.kind != .path || context.isShipped
        {
            return try await reference.kind == .path ? shipped(locked) : ports.releases.install(locked)
        }
        ports.progress.step("resolving \(reference) and all it depends on")
        let locked = try await ports.releases.resolve(reference, constraints: constraints)
        lock.record(locked)
        try LockFile(files: ports.files, path: context.lockFile).save(lock)
        return try await ports.releases.install(locked)
    }

    /// Its directory is on the operator's machine, and only from there it can come again.
    private func shipped(_ locked: LockedRelease) async throws -> InstalledRelease {
        do {
            return try await ports.releases.install(locked)
        } catch let failure as Failure {
            throw Failure(
                .unavailable, "cannot start \(locked.reference)",
                because: "release \(locked.digest.short) is not whole on this host: \(failure.why)",
                next: "move \(context.layout.releases)/\(locked.digest.hex) away if it is there; then "
                    + "`convoy bootstrap`, on the operator's machine, ships it again")
        }
    }

    func planner(_ release: InstalledRelease) async throws -> GenerationPlanner {
        guard context.profile.releases.contains(release.reference.kind) else {
            throw Failure(
                .badSpec, "cannot start \(release.reference)",
                because: "profile \(context.profile.name) starts releases of kind "
                    + context.profile.releases.map(\.rawValue).joined(separator: " or "),
                next: "correct server/release or server/profile")
        }
        let command = try await ports.releases.command(context.profile.start.command, of: release)
        let layout = context.hostLayout ?? context.layout
        var planner = GenerationPlanner(
            spec: context.spec, profile: context.profile, release: release,
            command: command.moved(from: context.layout.state, to: layout.state), layout: layout)
        planner.skips = ports.aside.names
        return planner
    }
}
