import Fleet
import Planning
import Ports

// Taking a generation away, or some of its instances: drain, stop, forget.
extension FleetSupervisor {
    package func retire(_ generation: Int, drain: Seconds) async throws {
        _ = try await retire(generation, only: nil, drain: drain)
    }

    package func retire(_ generation: Int, only names: Set<String>?, drain: Seconds) async throws -> DrainReport {
        await untilTakenOver()
        guard let plan = plans[generation] else { return DrainReport() }
        if let names { return try await retirePart(of: plan, names, drain) }
        guard active.generation != generation else {
            throw Failure(
                .failed, "cannot take generation \(generation) away", because: "it serves",
                next: "use `convoy down` to stop the fleet")
        }
        try refuseUndecided(generation)
        if !active.retiring.contains(generation) { try refuseOutage(withoutShareOf: plan) }
        let hadTraffic = active.share?.generation == generation || generation < active.generation ?? 0
        let gaveBack = active.share?.generation == generation
        if gaveBack { active.share = nil }
        if active.trial?.generation == generation { active.trial = nil }
        if !active.retiring.contains(generation) { active.retiring.append(generation) }
        try store.save(active)
        if gaveBack { try await reconcileEdge() }
        let all = instances(of: plan)
        let report = try await takeAway(all, DrainJudge(all, of: plan, isWhole: hadTraffic), drain) { all }
        await stop(plan)
        plans[generation] = nil
        active.retiring.removeAll { $0 == generation }
        active.forgetAll(but: plans.values)
        try store.save(active)
        try store.forget(generation)
        holdIdlePorts()
        try await reconcileEdge()
        ports.log("generation \(generation) is gone" + (report.words.isEmpty ? "" : "; \(report.words)"))
        return report
    }

    /// Also of the generation that serves: a host without room for two gives up one by one.
    private func retirePart(of plan: GenerationPlan, _ names: Set<String>, _ drain: Seconds) async throws -> DrainReport
    {
        let going = try instances(of: plan, named: names).filter { isBegun($0) }
        guard !going.isEmpty else { return DrainReport() }
        try refuseOutage(without: names, plan)
        for instance in going where !active.leaving.contains(instance.name) { active.leaving.append(instance.name) }
        try store.save(active)
        // Some may be called back meanwhile.
        let still = { [self] in going.filter { active.leaving.contains($0.name) } }
        let report = try await takeAway(going, DrainJudge(going, of: plan, isWhole: false), drain, still)
        let gone = still().map(\.name)
        if gone.isEmpty { return report }
        note(instances(of: plan).filter { !gone.contains($0.name) }, begunOf: plan)
        active.leaving.removeAll { gone.contains($0) }
        try store.save(active)
        holdIdlePorts()
        try await reconcileEdge()
        ports.log("\(gone.joined(separator: ", ")): taken away" + (report.words.isEmpty ? "" : "; \(report.words)"))
        return report
    }

    /// New traffic of each pool must have somewhere to go.
    private func refuseOutage(without names: Set<String>, _ plan: GenerationPlan) throws {
        guard plan.number == active.generation else { return }
        for pool in plan.pools.map(\.name) {
            let had = rotating(pool, plan)
            let others = sharing(pool).map { rotating(pool, $0.plan) } ?? 0
            let left = instances(of: plan).count {
                $0.pool == pool && !names.contains($0.name) && runners[$0.name]?.machine.inRotation == true
            }
            guard had == 0 || left + others > 0 else { throw outage(plan, pool) }
        }
    }

    /// The same for the generation that shares, where nothing is left of the one that serves.
    private func refuseOutage(withoutShareOf plan: GenerationPlan) throws {
        guard let serving = active.generation.flatMap({ plans[$0] }) else { return }
        for pool in serving.pools.map(\.name) where sharing(pool)?.plan.number == plan.number {
            guard rotating(pool, serving) > 0 else { throw outage(plan, pool) }
        }
    }

    private func outage(_ plan: GenerationPlan, _ pool: String) -> Failure {
        Failure(
            .failed, "cannot take instances of generation \(plan.number) away",
            because: "nobody else serves pool \(pool) then",
            next: "start one of the other generation first, and give it its share")
    }

    /// `still`: those of them that nobody has called back.
    private func takeAway(
        _ instances: [InstancePlan], _ judge: DrainJudge, _ drain: Seconds, _ still: () -> [InstancePlan]
    ) async throws -> DrainReport {
        var judge = judge
        for instance in instances { await send(.drain, to: instance.name) }
        // Sessions of a host that serves nobody are nobody's any more.
        try await waitUntilDrained(instances, &judge, limit: life.keepsSessions ? drain : 0, still)
        let going = still()
        // All were called back: nothing of them was.
        if going.isEmpty { return DrainReport() }
        // Law 4: out of the edge first. Whoever still has a session there meets 404 at its next call
        // and opens a new one; the calls that are under way get their time to end.
        for instance in going { await send(.expel, to: instance.name) }
        try await reconcileEdge()
        try await waitUntilIdle(going, limit: min(drain, Self.callGrace))
        let callsCut = ports.sockets.connections(to: Set(going.map(\.port)))
        await stop(going)
        return judge.report(callsCut: callsCut)
    }

    /// Streams of sessions stay open for good, so only calls can be waited for, and only so long.
    static var callGrace: Seconds { 5 }
    /// A session that nobody used for so long, or for as long as the drain may last, has been left.
    static var sessionIdle: Seconds { 300 }

    /// Ends early when neither a session nor a connection is left: one between two calls has no connection.
    private func waitUntilDrained(
        _ instances: [InstancePlan], _ judge: inout DrainJudge, limit: Seconds, _ still: () -> [InstancePlan]
    ) async throws {
        let deadline = ports.time.now().value + limit.value
        let idle = max(limit, Self.sessionIdle)
        await count(&judge, idle)
        while ports.time.now().value < deadline, !still().isEmpty {
            let busy = isBusy(instances)
            if !busy { await count(&judge, idle) }
            if !busy, judge.isOver { return }
            try await ports.time.sleep(busy ? 0.1 : 0.5)
        }
        await count(&judge, idle)
    }

    /// A gate that does not answer, or is too old to know, changes nothing.
    func count(_ judge: inout DrainJudge, _ idle: Seconds) async {
        guard let tallies = try? await ports.gate.sessions(idle: idle) else { return }
        judge.see(tallies)
    }

    /// Ends early when no connection is left: idle ones are closed by nginx after a few seconds.
    func waitUntilIdle(_ instances: [InstancePlan], limit: Seconds) async throws {
        let deadline = ports.time.now().value + limit.value
        while ports.time.now().value < deadline, isBusy(instances) { try await ports.time.sleep(0.1) }
    }

    func isBusy(_ instances: [InstancePlan]) -> Bool {
        ports.sockets.connections(to: Set(instances.map(\.port))) > 0
    }

    func stop(_ plan: GenerationPlan) async { await stop(plan.instances) }

    private func stop(_ instances: [InstancePlan]) async {
        for instance in instances { await send(.stop(at: ports.time.now()), to: instance.name) }
        while instances.contains(where: { runners[$0.name] != nil }) { await nextChange() }
    }
}
