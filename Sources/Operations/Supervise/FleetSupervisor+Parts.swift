import Fleet
import Planning
import Ports

// Generations of which only some instances run: hosts without room for two whole ones.
extension FleetSupervisor {
    /// Those that were begun and not taken away yet.
    func instances(of plan: GenerationPlan) -> [InstancePlan] { plan.instances.filter { isBegun($0) } }

    func isBegun(_ instance: InstancePlan) -> Bool {
        active.begun[instance.generation]?.contains(instance.name) ?? true
    }

    /// All when no names are given.
    func instances(of plan: GenerationPlan, named names: Set<String>?) throws -> [InstancePlan] {
        guard let names else { return plan.instances }
        let found = plan.instances.filter { names.contains($0.name) }
        guard found.count < names.count else { return found }
        let unknown = names.subtracting(found.map(\.name)).sorted().joined(separator: ", ")
        throw Failure(
            .failed, "cannot choose instances of generation \(plan.number)", because: "it has no \(unknown)",
            next: "see `convoy status`")
    }

    func note(_ instances: [InstancePlan], begunOf plan: GenerationPlan) {
        active.begun[plan.number] = instances.count == plan.instances.count ? nil : instances.map(\.name)
    }

    func begin(_ instances: [InstancePlan], of plan: GenerationPlan) async {
        for instance in instances {
            runners[instance.name] = Runner(machine: InstanceMachine(plan: instance, policy: plan.health))
            watchProof(instance)
        }
        // All at once: each waits for the kernel most of the time.
        await withTaskGroup(of: Void.self) { group in
            for instance in instances {
                group.addTask { await self.send(.begin(at: self.ports.time.now()), to: instance.name) }
            }
        }
    }

    /// Of a generation that is known already.
    func beginMore(_ wanted: [InstancePlan], of plan: GenerationPlan) async throws {
        try await recall(wanted)
        let missing = wanted.filter { !isBegun($0) }
        guard !missing.isEmpty else { return }
        guard !active.retiring.contains(plan.number) else {
            throw Failure(
                .failed, "cannot begin more of generation \(plan.number)", because: "it is being taken away",
                next: "wait until it is gone, then run the command again")
        }
        try checkRoom(for: missing)
        let names = Set((instances(of: plan) + missing).map(\.name))
        note(plan.instances.filter { names.contains($0.name) }, begunOf: plan)
        try store.save(active)
        // Before any instance starts; until it is fit, its slot is down.
        try await reconcileEdge()
        await begin(missing, of: plan)
    }

    /// The same generation with more instances or fewer; those that go must have been taken away before.
    func amend(_ known: GenerationPlan, to plan: GenerationPlan) async throws {
        let names = Set(plan.instances.map(\.name))
        if let busy = instances(of: known).first(where: { !names.contains($0.name) }) {
            throw Failure(
                .failed, "cannot change generation \(plan.number)", because: "\(busy.name) still runs",
                next: "take it away first")
        }
        let before = Set(known.instances.map(\.name))
        let added = plan.instances.filter { !before.contains($0.name) }
        try checkRoom(for: added)
        try await provideSlice(for: plan)
        let begun = active.begun[plan.number]
        let there = Set(instances(of: known).map(\.name))
        plans[plan.number] = plan
        note(plan.instances.filter { there.contains($0.name) || !before.contains($0.name) }, begunOf: plan)
        do {
            // In this order a supervisor that was killed in between knows the old plan, and what runs of it.
            if begun != nil, active.begun[plan.number] != nil { try store.save(active) }
            try store.save(plan)
            try store.save(active)
            // Before any instance starts; until it is fit, its slot is down.
            try await reconcileEdge()
        } catch {
            plans[plan.number] = known
            active.begun[plan.number] = begun
            try? store.save(known)
            try? store.save(active)
            throw error
        }
        holdIdlePorts()
        await begin(added, of: plan)
    }

    /// Whoever drains goes on as if nothing had been; whoever is on its way out is waited for.
    private func recall(_ wanted: [InstancePlan]) async throws {
        for instance in wanted where active.leaving.contains(instance.name) {
            guard runners[instance.name]?.machine.keepsSessions == true else {
                while active.leaving.contains(instance.name) { await nextChange() }
                continue
            }
            active.leaving.removeAll { $0 == instance.name }
            try store.save(active)
            await send(.recall, to: instance.name)
        }
    }
}
