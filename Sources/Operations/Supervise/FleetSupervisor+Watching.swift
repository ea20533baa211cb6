import Fleet
import Planning
import Ports

// Health and proof: two loops per instance that end with it.
extension FleetSupervisor {
    /// While it starts, ask often: the time to the first good answer is what users wait for.
    private static var startingPause: Seconds { 0.05 }
    /// As long as nobody listens there is nothing to ask, and the processors are the starting servers'.
    private static var listeningPause: Seconds { 0.01 }
    private static var listeningPatience: Seconds { 0.5 }
    /// While it is unfit or unproved, ask more often than usual: coming back should be quick.
    private static var troubledPause: Seconds { 1 }

    func watchHealth(_ name: String) {
        runners[name]?.probing?.cancel()
        runners[name]?.probing = Task {
            var count = 0
            await self.waitUntilItListens(name)
            while !Task.isCancelled, let pause = await self.probe(name, isFull: count.isMultiple(of: 12)) {
                if count.isMultiple(of: 12) { self.noteDropIns(name) }
                count += 1
                guard (try? await self.ports.time.sleep(pause)) != nil else { return }
                await self.waitUntilItListens(name)
            }
        }
    }

    /// Of one that starts; not for ever, since a probe says what is wrong with one that never will.
    private func waitUntilItListens(_ name: String) async {
        let deadline = ports.time.now().value + Self.listeningPatience.value
        while let machine = runners[name]?.machine, machine.state == .starting, ports.time.now().value < deadline,
            !(await ports.sockets.accepts(address: "127.0.0.1", port: machine.plan.port))
        {
            guard (try? await ports.time.sleep(Self.listeningPause)) != nil else { return }
        }
    }

    /// Its unit as the host has it: what an admin put beside ours is respected, and shown.
    func noteDropIns(_ name: String) {
        guard let units = ports.units else { return }
        Task {
            let found = await units.dropIns(of: name)
            guard runners[name] != nil, runners[name]?.dropIns != found else { return }
            runners[name]?.dropIns = found
            changed()
        }
    }

    /// One probe; returns the pause to the next, nil when the instance is gone.
    @discardableResult
    func probe(_ name: String, isFull: Bool) async -> Seconds? {
        guard let runner = runners[name], let record = runner.record else { return nil }
        let probe = InstanceProbe(prober: ports.prober, plan: runner.machine.plan.probe)
        let observation = await probe.observe(era: isFull ? nil : runner.era)
        // The process may have died and come back meanwhile: an old answer says nothing of it.
        guard runners[name]?.record == record, !Task.isCancelled else { return nil }
        // Only what passed every question needs to be asked no more than the canary: a wrong version would
        // otherwise be forgotten at the next probe.
        if observation.finding == .passed, let era = observation.eras?.first { runners[name]?.era = era }
        note(observation, of: runner.machine.plan)
        if runner.machine.state != .starting { figureBook.probed(name, observation.finding) }
        await send(.probed(observation, at: ports.time.now()), to: name)
        guard let machine = runners[name]?.machine else { return nil }
        let interval = plans[machine.plan.generation]?.health.interval ?? 5
        switch machine.state {
        case .starting: return Self.startingPause
        // What fails within an answer only probes see: while a generation bakes, more of them.
        case .serving where plans.count > 1 && machine.plan.generation == active.generation:
            return min(interval, Self.troubledPause)
        case .serving, .draining: return interval
        default: return min(interval, Self.troubledPause)
        }
    }

    func watchProof(_ instance: InstancePlan) {
        guard let proof = instance.proof else { return }
        runners[instance.name]?.proving = Task {
            while true {
                let pause = self.proofPause(instance.name, proof)
                guard (try? await self.ports.time.sleep(pause)) != nil else { return }
                await self.prove(instance.name)
            }
        }
    }

    private func proofPause(_ name: String, _ proof: ProofPlan) -> Seconds {
        let isProved = runners[name]?.machine.verdict.isProved ?? true
        return isProved ? proof.interval : min(proof.interval, 5)
    }

    /// Takes a proof now, or waits for the one that is being taken.
    func prove(_ name: String) async {
        if let running = runners[name]?.proof { return await running.value }
        guard let runner = runners[name], let plan = runner.machine.plan.proof else { return }
        let task = Task {
            let verdict = await self.verdict(plan)
            self.proofEnded(name)
            await self.send(.proved(verdict, at: self.ports.time.now()), to: name)
        }
        runners[name]?.proof = task
        await task.value
    }

    private func proofEnded(_ name: String) { runners[name]?.proof = nil }

    private func verdict(_ plan: ProofPlan) async -> ProofVerdict {
        do {
            guard let uri = try ports.files.read(plan.uriFile) else {
                return .unverified("its credentials file \(plan.uriFile) is missing")
            }
            let trimmed = uri.hasSuffix("\n") ? String(uri.dropLast()) : uri
            let evidence = try await ports.proofs.evidence(uri: Secret(trimmed), grants: plan.grants)
            return ProofJudge().judge(evidence, plan: plan)
        } catch {
            return .unverified(Self.words(error))
        }
    }
}
