import Fleet
import Planning
import Ports

/// The operator's verbs. Every one can be run again safely; those that change something hold the
/// operator's lock (their caller takes it).
package struct FleetOperator: Sendable {
    package let ports: OperatorPorts
    package let context: FleetContext

    package init(ports: OperatorPorts, context: FleetContext) {
        self.ports = ports
        self.context = context
    }

    package enum Result: Sendable, Equatable {
        /// Everything was as wished already; names of users that were corrected.
        case unchanged(corrected: [String])
        case converged(generation: Int, from: ReleaseStamp?, to: ReleaseStamp)
    }

    var credentials: InstanceCredentials { InstanceCredentials(ports: ports, context: context) }

    /// Makes the fleet what its files say.
    package func up() async throws -> Result { try await converge(verb: "up") }

    /// Rolls the whole fleet to the release that the context's spec names now.
    package func rollout() async throws -> Result {
        guard try await ports.ledger.load().current != nil else { throw notUp("roll it to another release") }
        return try await converge(verb: "rollout")
    }

    private func converge(verb: String) async throws -> Result {
        let record = try await ports.ledger.load()
        try await credentials.checkAdmin(removing: [record.current, record.next].compactMap(\.self))
        let release = try await present(context.spec.server.release)
        let planner = try await planner(release)
        let started = try await ports.launcher.ensureRunning()
        if started { ports.progress.step("supervisor started") }
        let cleaned = try await clearLeftovers(record)
        let number = cleaned.nextGeneration
        let plan = try planner.plan(number: number, current: cleaned.current)
        if let current = cleaned.current, current.wish == plan.wish, try await runs(current) {
            return try await keep(current)
        }
        ports.progress.step("checking every byte of \(release.stamp.name) \(release.stamp.version)")
        try await ports.releases.verify(release.digest)
        return try await roll(plan, over: cleaned, verb: verb)
    }

    func roll(_ plan: GenerationPlan, over record: LedgerRecord, verb: String) async throws -> Result {
        let runner = RolloutRunner(ports: ports, credentials: credentials)
        let before = try await running(record)
        let outcome = try await runner.run(plan, over: before)
        try await audit(verb, "\(plan.release.version): \(outcome)")
        switch outcome {
        case .converged:
            if let lost = record.current, before.current == nil { try await credentials.remove(of: lost) }
            return .converged(generation: plan.number, from: record.current?.release, to: plan.release)
        case .convergedWithLeftovers(let why):
            throw Failure(
                .failed, "generation \(plan.number) serves, but the one before it could not be taken away",
                because: why, next: "run `convoy up`; it tries again")
        case .undone(let reason):
            let serving =
                before.current.map { "generation \($0.number) (\($0.release.version)) served throughout" }
                ?? "nothing serves"
            throw Failure(
                .failed, "\(verb) to \(plan.release.name) \(plan.release.version) stopped; \(serving)",
                because: reason, next: "see `convoy logs`; nothing has changed")
        case .undoFailed(let reason, let then):
            throw Failure(
                .revertFailed, "\(verb) stopped and could not be undone", because: "\(reason); then: \(then)",
                next: "run `convoy status`, mend the cause, then `convoy up`")
        }
    }

    /// A current generation that the supervisor does not run (it lost its disk, or was told to stop)
    /// is no generation to flip back to.
    private func running(_ record: LedgerRecord) async throws -> LedgerRecord {
        guard let current = record.current, try await !runs(current) else { return record }
        var without = record
        without.current = nil
        without.previous = current
        return without
    }

    private func runs(_ plan: GenerationPlan) async throws -> Bool {
        let report = try await ports.control.status(newerThan: nil, timeout: 0)
        return report.status.generation == plan.number
    }

    private func keep(_ plan: GenerationPlan) async throws -> Result {
        let corrected = try await credentials.correct(for: plan)
        for user in corrected { ports.progress.step("corrected the roles of \(user)") }
        try await ports.control.check()
        try await waitUntilConverged(plan)
        return .unchanged(corrected: corrected)
    }

    private func waitUntilConverged(_ plan: GenerationPlan) async throws {
        let deadline = ports.time.now().value + plan.health.startDeadline.value
        var revision: Int?
        while true {
            let report = try await ports.control.status(newerThan: revision, timeout: 0.5)
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

    /// What a rollout that was cut has left: it never served, so it goes.
    func clearLeftovers(_ record: LedgerRecord) async throws -> LedgerRecord {
        let report = try await ports.control.status(newerThan: nil, timeout: 0)
        var cleaned = record
        if let cut = record.next {
            if report.status.generation == cut.number {
                // It was cut between the flip and its note: the flip is what counts.
                cleaned.previous = record.current
                cleaned.current = cut
            }
            cleaned.next = nil
            cleaned.nextGeneration = max(record.nextGeneration, cut.number + 1)
        }
        if let serving = report.generations.first(where: { $0.number == report.status.generation }),
            let current = cleaned.current, current.number != serving.number
        {
            // It was cut between the flip back and its note.
            cleaned.current = serving
            cleaned.nextGeneration = max(cleaned.nextGeneration, current.number + 1)
            if cleaned.previous?.number == serving.number { cleaned.previous = nil }
        }
        try await makeWhole(report)
        for stray in report.generations where stray.number != report.status.generation {
            ports.progress.step("taking away generation \(stray.number), left by an earlier command")
            let drain = stray.number == record.next?.number ? 0 : stray.rollout.drain
            try await ports.control.retire(stray.number, drain: drain)
            try await credentials.remove(of: stray)
        }
        if let cut = record.next, cut.number != cleaned.current?.number { try await credentials.remove(of: cut) }
        if cleaned != record { try await ports.ledger.save(cleaned) }
        let serving = report.generations.filter { $0.number == report.status.generation }
        try await removeStrays(keeping: serving + [cleaned.current].compactMap(\.self))
        return cleaned
    }

    /// Of an instance whose generation is gone everything else goes, too: a command was cut in between. Its
    /// directory is made before its user and removed after it.
    private func removeStrays(keeping plans: [GenerationPlan]) async throws {
        let kept = Set(plans.flatMap(\.instances).map(\.name))
        let strays = try ports.files.list(context.layout.instances).filter { !kept.contains($0) }
        guard !strays.isEmpty else { return }
        let directory = try credentials.userDirectory()
        for name in strays {
            try await directory?.remove(InstanceUser.name(fleet: context.spec.name, instance: name))
            try credentials.removeFiles(of: name)
        }
    }

    func audit(_ verb: String, _ outcome: String) async throws {
        var record = try await ports.ledger.load()
        record.audit.append(
            LedgerRecord.AuditEntry(at: ports.time.wallClock(), verb: verb, outcome: outcome))
        if record.audit.count > 500 { record.audit.removeFirst(record.audit.count - 500) }
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
        if let locked = lock.release(for: reference, constraints: constraints), reference.kind != .path {
            return try await ports.releases.install(locked)
        }
        ports.progress.step("resolving \(reference) and all it depends on")
        let locked = try await ports.releases.resolve(reference, constraints: constraints)
        lock.record(locked)
        try LockFile(files: ports.files, path: context.lockFile).save(lock)
        return try await ports.releases.install(locked)
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
        return GenerationPlanner(
            spec: context.spec, profile: context.profile, release: release, command: command,
            layout: context.layout)
    }
}
