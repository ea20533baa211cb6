import Fleet
import Planning
import Ports

// What an operator can ask of it. Each call can be repeated safely.
extension FleetSupervisor: SupervisorControl {
    package func status(newerThan revision: Int?, timeout: Seconds) async throws -> StatusReport {
        await untilTakenOver()
        let deadline = ports.time.now().value + timeout.value
        while let revision, changes.revision <= revision {
            let left = deadline - ports.time.now().value
            if left <= 0 { break }
            await nextChange(within: Seconds(left))
        }
        return StatusReport(
            revision: changes.revision, status: await fleetStatus(),
            generations: plans.values.sorted { $0.number < $1.number }, figures: figures(), trial: active.trial,
            life: life)
    }

    package func begin(_ plan: GenerationPlan) async throws { try await begin(plan, only: nil) }

    package func begin(_ plan: GenerationPlan, only names: Set<String>?) async throws {
        await untilTakenOver()
        let wanted = try instances(of: plan, named: names)
        if let known = plans[plan.number] {
            guard known != plan else { return try await beginMore(wanted, of: plan) }
            if names == nil, plan.amends(known) { return try await amend(known, to: plan) }
            throw Failure(
                .failed, "cannot begin generation \(plan.number)", because: "another plan of that number runs already",
                next: "run the command again; it takes the next number")
        }
        try refuseOtherEdge(plan)
        try checkColour(of: plan)
        try checkRoom(for: wanted)
        try checkEdgePort(of: plan)
        try await askServers(of: plan)
        try await provideSlice(for: plan)
        note(wanted, begunOf: plan)
        // Before the plan: a supervisor that finds a plan alone begins all of it.
        if active.begun[plan.number] != nil { try store.save(active) }
        try store.save(plan)
        plans[plan.number] = plan
        do {
            // Before any instance starts: a configuration that nginx refuses costs nothing yet.
            try await reconcileEdge()
        } catch {
            plans[plan.number] = nil
            active.begun[plan.number] = nil
            try? store.forget(plan.number)
            // Of a fleet that never came up nothing stays in an nginx that is not its own.
            if plans.isEmpty { try? await server(of: plan).remove() }
            throw error
        }
        await begin(wanted, of: plan)
    }

    private func checkColour(of plan: GenerationPlan) throws {
        if let other = plans.values.first(where: { $0.colour == plan.colour }) {
            throw Failure(
                .failed, "cannot begin generation \(plan.number)",
                because: "generation \(other.number) still runs in its place", next: "wait until it is drained")
        }
    }

    func checkRoom(for instances: [InstancePlan]) throws {
        func wanted(_ instance: InstancePlan) -> [Int] { [instance.port, instance.monitoringPort].compactMap(\.self) }
        // In one look: the kernel walks all its connections for each.
        let holders = ports.sockets.listeners(on: Set(instances.flatMap(wanted)))
        for instance in instances {
            for port in wanted(instance) {
                guard let holder = holders[port] else { continue }
                throw Failure(
                    .unavailable, "cannot start \(instance.name)", because: "port \(port) is taken by \(holder)",
                    next: "stop it, or choose other `ports` in fleet.yaml")
            }
        }
    }

    private func checkEdgePort(of plan: GenerationPlan) throws {
        let port = plan.edge.listen.port
        guard companions[.edge]?.record == nil, let holder = ports.sockets.listener(on: port) else { return }
        // The nginx that is there may have the port already, for other names.
        if let master = server(of: plan).master(), ports.sockets.isListening(master, on: port) { return }
        throw Failure(
            .unavailable, "cannot start the edge", because: "port \(port) is taken by \(holder)",
            next: "stop it, or choose another port in edge/url")
    }

    /// Two nginx can't be exchanged without a moment in which nobody listens: then it should be asked for.
    private func refuseOtherEdge(_ plan: GenerationPlan) throws {
        guard let other = plans.values.first(where: { $0.sharedEdgeFile != plan.sharedEdgeFile }) else { return }
        throw Failure(
            .failed, "cannot begin generation \(plan.number)",
            because: "generation \(other.number) serves by \(other.edgeWords), this one by \(plan.edgeWords); "
                + "`convoy down`, then `convoy up` moves the fleet",
            next: "run them when nobody needs it, or take the change out of fleet.yaml")
    }

    package func flip(to generation: Int) async throws {
        await untilTakenOver()
        // What is still on its way by it, and comes when this has been said, is too late.
        promise = nil
        guard active.generation != generation else { return try await endShare() }
        // It has come to the fleet with the generation that is on trial, and has nothing to go back to.
        if let trial = active.trial, trial.from == nil, plans[generation] == nil {
            return try await goBack(from: trial)
        }
        try await serve(generation)
    }

    /// - Parameter trial: as which it is noted, in the same breath.
    func serve(_ generation: Int, on trial: FlipTrial? = nil) async throws {
        guard let plan = plans[generation] else { throw unknown(generation) }
        // Law 1. Flipping back is allowed to whatever still runs: it served a moment ago.
        let isWayBack = active.generation.map { generation < $0 } ?? false
        if !isWayBack, let unfit = plan.instances.first(where: { !mayServe($0) }) {
            throw Failure(
                .failed, "cannot flip to generation \(generation)", because: "\(unfit.name) is not ready and proved",
                next: "see `convoy status`")
        }
        try refuseLeaving(plan)
        let before = active
        active.generation = generation
        active.trial = trial
        // The one flipped back from keeps its sessions until it is taken away.
        active.share = isWayBack ? before.generation.map { GenerationStore.Active.Share(generation: $0, part: 0) } : nil
        do {
            try store.save(active)
            try await reconcileEdge()
            ports.log("generation \(generation) serves")
        } catch {
            active.generation = before.generation
            active.share = before.share
            active.trial = before.trial
            // What refused the first may refuse this, too, such as a full disk; traffic goes back all the same.
            do { try store.save(active) } catch { ports.log("cannot note the way back: \(Self.words(error))") }
            try? await reconcileEdge()
            throw error
        }
    }

    package func check() async throws {
        await untilTakenOver()
        let names = Array(runners.keys)
        await withTaskGroup(of: Void.self) { group in
            for name in names {
                group.addTask {
                    await self.retryRefused(name)
                    await self.prove(name)
                    await self.probe(name, isFull: true)
                    await self.noteDropIns(name)
                }
            }
        }
        try await reconcileEdge()
    }

    /// An operator who asks has perhaps mended what was refused: a changed byte, a missing file.
    private func retryRefused(_ name: String) async {
        guard runners[name]?.machine.state == .refused else { return }
        await send(.begin(at: ports.time.now()), to: name)
    }

    package func shutdown(drain: Seconds) async throws {
        await untilTakenOver()
        guard !isShuttingDown else { return }
        isShuttingDown = true
        _ = await edgeWork?.result
        await closeEdge(drain)
        for plan in plans.values { await stop(plan) }
        await stopCompanion(.gate, .term, deadline: 2)
        await stopCompanion(.refresher, .term, deadline: 2)
        // Whatever the disk says: nothing runs any more, and a daemon that stayed could not be asked again.
        defer { finishRun() }
        for number in plans.keys { try store.forget(number) }
        plans = [:]
        active = GenerationStore.Active(generation: nil, policyRevision: active.policyRevision, retiring: [])
        try store.save(active)
        ports.log("the fleet is down")
    }

    private func closeEdge(_ drain: Seconds) async {
        let server = edgeServer
        // QUIT: nginx ends the calls it has and takes no new ones; so the drain comes for free.
        guard !server.isOwnProcess else { return await stopCompanion(.edge, .quit, deadline: drain) }
        do {
            try await server.remove()
        } catch {
            // The operator tries again, and tells.
            ports.log("edge: \(Self.words(error))")
        }
        let deadline = ports.time.now().value + drain.value
        for plan in plans.values {
            try? await waitUntilIdle(plan.instances, limit: Seconds(max(0, deadline - ports.time.now().value)))
        }
    }

    private func unknown(_ generation: Int) -> Failure {
        Failure(
            .failed, "cannot flip to generation \(generation)", because: "this host does not run it",
            next: "see `convoy status`")
    }
}

// MARK: Status

extension FleetSupervisor {
    private func fleetStatus() async -> FleetStatus {
        let serving = active.generation.flatMap { plans[$0] }
        let edge = await edgeStatus(serving)
        let gate = gateStatus()
        let instances = plans.values.sorted { $0.number < $1.number }.flatMap { plan in
            plan.instances.compactMap { status(of: $0, in: plan) }
        }
        let isWhole = serving.map { plan in
            plans.count == 1 && plan.instances.allSatisfy { runners[$0.name]?.machine.isFit == true }
        }
        return FleetStatus(
            fleet: serving?.fleet ?? plans.values.first?.fleet ?? "", generation: serving?.number ?? 0,
            release: serving?.release,
            converged: isWhole == true && edge.state == .up && gate.state == .up && active.trial?.isShut != true,
            instances: instances, edge: edge, gate: gate,
            supervisor: SupervisorStatus(state: .up, pid: settings.pid, version: settings.version),
            trafficShare: trafficShares())
    }

    private func edgeStatus(_ serving: GenerationPlan?) async -> EdgeStatus {
        guard let plan = serving ?? plans.values.first else { return EdgeStatus(url: "", state: .down) }
        let server = server(of: plan)
        guard server.isOwnProcess || server.master() != nil else {
            let why = "the nginx that includes \(plan.edge.includeFile(of: plan.fleet)) does not run"
            return EdgeStatus(url: plan.edge.url, state: .down, reason: why)
        }
        guard !server.isOwnProcess || companions[.edge]?.record != nil else {
            return EdgeStatus(
                url: plan.edge.url, state: .down, reason: companions[.edge]?.fault ?? edgeFault)
        }
        let address = plan.edge.listen.address == "0.0.0.0" ? "127.0.0.1" : plan.edge.listen.address
        let answers = await ports.sockets.accepts(address: address, port: plan.edge.listen.port)
        return EdgeStatus(url: plan.edge.url, state: answers ? .up : .starting, reason: edgeFault)
    }

    private func gateStatus() -> GateStatus {
        guard companions[.gate]?.record != nil else {
            return GateStatus(state: .down, reason: companions[.gate]?.fault ?? "")
        }
        // Without it no key is fetched and no opaque token is judged.
        let needed = (active.generation.flatMap { plans[$0] })?.edge.authorization.needsRefresher == true
        if needed, companions[.refresher]?.record == nil {
            return GateStatus(state: .up, reason: "the refresher is down: \(companions[.refresher]?.fault ?? "")")
        }
        guard active.trial?.isShut != true else {
            return GateStatus(
                state: .up, reason: "it serves nobody until `convoy resume` has said what the fleet serves")
        }
        switch life.door {
        case .open: return GateStatus(state: .up)
        case .cordoned: return GateStatus(state: .up, reason: "cordoned: no new sessions")
        case .drained: return GateStatus(state: .up, reason: "drained: it serves nobody")
        case .behind: return GateStatus(state: .up, reason: "behind the fleet: it serves nobody")
        }
    }

    private func status(of instance: InstancePlan, in plan: GenerationPlan) -> InstanceStatus? {
        guard let runner = runners[instance.name] else { return nil }
        let machine = runner.machine
        let now = ports.time.now().value
        return InstanceStatus(
            name: instance.name, pool: instance.pool, host: instance.host, slot: instance.slot,
            generation: plan.number, version: plan.release.version, digest: plan.release.digest,
            state: machine.state, ready: machine.isFit, reason: machine.reason, port: instance.port,
            pid: runner.record?.pid, uptimeSeconds: machine.startedAt.map { rounded(now - $0.value) },
            databaseUser: instance.proof?.user,
            proof: instance.proof.map { _ in
                ProofStatus(verdict: machine.verdict, ageSeconds: machine.provedAt.map { rounded(now - $0.value) })
            },
            eras: machine.eras, toolsDigest: machine.toolsDigest, restarts: machine.restarts,
            dropIns: runner.dropIns)
    }

    private func rounded(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }
}

extension GenerationPlan {
    fileprivate var edgeWords: String {
        sharedEdgeFile.map { "the nginx that includes \($0)" } ?? "an nginx of its own"
    }
}
