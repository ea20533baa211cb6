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
            await send(.begin(at: ports.time.now()), to: instance.name)
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
