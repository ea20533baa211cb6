import Fleet
import Planning
import Ports

extension FleetOperator {
    /// Takes back a rollout that was cut. Without one, back to the generation that served before, as it was:
    /// the same plan under a new number. Nothing is fetched.
    package func rollback() async throws -> Result {
        var record = try await ports.ledger.load()
        guard record.current != nil || record.next != nil else { throw notUp("roll it back") }
        try refuseSelfDriven(record)
        try await tellBehind(record)
        _ = try await ports.launcher.ensureRunning()
        if let result = try await takeBackScaling(record) { return result }
        record = try await ports.ledger.load()
        if let result = try await takeBack(record) { return result }
        record = try await ports.ledger.load()
        guard record.current != nil else { throw notUp("roll it back") }
        record = try await clearLeftovers(record)
        guard let target = record.previous else {
            throw Failure(
                .failed, "cannot roll back", because: "no generation served before this one",
                next: "use `convoy rollout --to VERSION`")
        }
        let installed = try await ports.releases.list().first { $0.digest == target.release.digest }
        guard let installed else {
            throw Failure(
                .unavailable, "cannot roll back to \(target.release.version)",
                because: "its release \(target.release.digest.short) is not on this host any more",
                next: "use `convoy rollout --to \(target.release.version)`, which fetches it")
        }
        // Everything as it was then, also what the profile starts and how the database is reached.
        var origin = context
        origin.spec = target.origin.spec
        origin.profile = target.origin.profile
        // But as this host has room, and at once: it has served well before.
        let isRolling = context.spec.rollout.strategy == .rolling
        origin.spec.rollout.strategy = isRolling ? .rolling : .flip
        origin.spec.rollout.rolling = isRolling ? context.spec.rollout.rolling : nil
        origin.spec.rollout.canary = nil
        let back = FleetOperator(ports: ports, context: origin, seams: seams)
        let plan = try await back.planner(installed).plan(number: record.nextGeneration, current: record.current)
        return try await back.roll(plan, over: record, verb: "rollback")
    }

    /// Stops the fleet and takes away its users. Releases, logs and the lock stay.
    package func down() async throws {
        let record = try await ports.ledger.load()
        try refuseSelfDriven(record)
        try await tellBehind(record)
        let drain = record.current?.rollout.drain ?? context.spec.rollout.drain
        var plans = [record.current, record.next, record.scaling?.target].compactMap(\.self)
        do {
            let report = try await ports.control.status(newerThan: nil, timeout: 0)
            plans += report.generations.filter { known in !plans.contains { $0.number == known.number } }
            ports.progress.step("ending the calls that are under way, at most \(drain.spelled)")
            try await ports.control.shutdown(drain: drain)
        } catch let failure as Failure where failure.code == .unavailable {
            // No supervisor: start one, so that whatever it left behind is adopted and stopped. One of
            // another version, whose status can't be read, is told to stop all the same.
            if !plans.isEmpty {
                _ = try await ports.launcher.ensureRunning()
                try await ports.control.shutdown(drain: drain)
            }
        }
        try await ports.launcher.waitUntilGone()
        try await leaveSharedEdge(plans.map(\.edge) + [context.spec.edge])
        ports.progress.step("removing database users and credentials")
        for plan in plans { try await credentials.remove(of: plan) }
        if context.profile.needsDatabase { try await credentials.removeStrangers(keeping: []) }
        try credentials.removeHeaderSecrets()
        var after = try await ports.ledger.load()
        after.previous = record.current ?? record.previous
        after.current = nil
        after.next = nil
        after.scaling = nil
        after.closeRollout("the fleet was taken down", at: ports.time.wallClock())
        try await ports.ledger.save(after)
        try await audit("down", "done")
    }

    /// The supervisor did so already, unless it was killed or that nginx refused.
    private func leaveSharedEdge(_ edges: [EdgeSpec]) async throws {
        guard context.hostLayout == nil else { return }
        let files = Set(edges.filter { $0.mode == .include }.map { $0.includeFile(of: context.spec.name) })
        for file in files.sorted() { try await ports.sharedEdge(file).remove() }
    }

    /// What `up` would do.
    package func plan() async throws -> ChangePlan {
        let record = try await ports.ledger.load()
        try await tellBehind(record)
        let reference = context.spec.server.release
        let lock = try LockFile(files: ports.files, path: context.lockFile).load()
        let locked = lock.release(for: reference, constraints: context.spec.server.constraints)
        var wish: Digest?
        var next: GenerationPlan?
        var isAmended = false
        if let locked, let installed = try await ports.releases.list().first(where: { $0.digest == locked.digest }) {
            let planner = try await planner(installed)
            wish = try planner.wish()
            isAmended = try record.current.flatMap { try planner.amended($0) } != nil
            next = try? planner.plan(number: record.nextGeneration, current: record.current)
        }
        let report = try? await ports.control.status(newerThan: nil, timeout: 0)
        var plan = ChangePlan(
            spec: context.spec, profile: context.profile, locked: locked, wish: wish, current: record.current,
            cut: record.next, running: report?.status, isAmended: isAmended, scaling: record.scaling?.target)
        plan.changes += record.leftChanges + hostChanges(record)
        plan.compatibility = await compatibility(from: record.current, to: locked)
        // Without a generation beside the current one there is nothing to make room for.
        if !isAmended, let next, let report, wish != record.current?.wish {
            plan.warnings = await seams.warnings(next, report)
        }
        return plan
    }

    package func status() async throws -> FleetStatus {
        // It must be seen whatever has become of the ledger.
        let record = context.spec.spansHosts ? try? await ports.ledger.load() : nil
        var there: Set<String> = []
        if let record { there = try await tellBehind(record) }
        let status = try await ports.control.status(newerThan: nil, timeout: 0).status
        return status.with(
            record?.left ?? [], there: there, order: context.spec.hosts.map(\.name),
            now: ports.time.wallClock())
    }
}
