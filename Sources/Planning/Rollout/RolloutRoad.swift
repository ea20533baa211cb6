import Fleet

/// The steps of one rollout, by its strategy: the same for whoever takes it up again.
package struct RolloutRoad: Sendable, Equatable {
    /// Instances that come and go together, by name.
    package struct Part: Sendable, Equatable {
        /// Of the generation before: taken away first.
        package var going: Set<String>
        /// Of the next one.
        package var coming: Set<String>
    }

    package let strategy: RolloutSpec.Strategy
    /// Each host goes the same way, at the same time as the others.
    package let spansHosts: Bool
    /// Others are left behind.
    private let hosts: Set<String>
    package let parts: [Part]
    /// All the way forward.
    package let steps: [RolloutStep]

    /// - Parameters:
    ///   - current: whether a generation serves that it replaces: without one, every strategy is a flip.
    ///   - before: that generation's plan; a rolling update needs it.
    package init(plan: GenerationPlan, hasCurrent: Bool, before: GenerationPlan?) {
        let wished = hasCurrent ? plan.rollout.strategy : .flip
        spansHosts = plan.origin.spec.spansHosts
        hosts = Set(plan.hosts)
        let parts: [Part] =
            switch wished {
            case .flip: []
            case .canary: [Self.canary(plan)]
            case .rolling: before.map { Self.rolling(from: $0, to: plan) } ?? []
            }
        self.parts = parts
        strategy = parts.isEmpty ? .flip : wished
        // With nothing before it there is nothing to watch against, and nothing to drain.
        let flip = RolloutStep.forward.filter { hasCurrent || ($0 != .soak && $0 != .drain) }
        let first = strategy == .rolling ? RolloutStep.Deed.retire : .start
        let deeds: [RolloutStep.Deed] = [.retire, .start, .verify, .compare, .share]
        var steps = Array(flip.prefix(2))
        for number in parts.indices.map({ $0 + 1 }) {
            steps += deeds.drop { $0 != first }.map { .part(number, $0) }
        }
        if strategy == .canary { steps.append(.watch) }
        steps += flip.dropFirst(2)
        // Of a fleet over hosts a flip is on trial until all of them have heard that it is for good; also of the only
        // one that a plan has, as where the others are left behind.
        let isOnTrial = plan.hosts.count > 1 || plan.origin.spec.spansHosts
        if hasCurrent, isOnTrial, let drain = steps.firstIndex(of: .drain) {
            steps.insert(.settle, at: drain)
        }
        self.steps = steps
    }

    /// All the way back from the end of the soak.
    package var back: [RolloutStep] {
        let restored = strategy == .rolling ? parts.indices.reversed().map { $0 + 1 } : []
        return restored.flatMap { [.part($0, .restore), .part($0, .withdraw)] } + RolloutStep.back
    }

    /// Those of the next generation that are begun with this part, or were before.
    package func begun(through part: Int) -> Set<String> {
        parts.prefix(part).reduce(into: []) { $0.formUnion($1.coming) }
    }

    /// The last part that may have left something once `step` is begun; 0 = none.
    func reached(_ step: RolloutStep) -> Int {
        if case .part(let number, _) = step { return min(number, parts.count) }
        // On the way back nothing else is left to be restored by then.
        if step.isWayBack || step == .preflight || step == .stage { return 0 }
        return parts.count
    }

    /// Why the instances of this part must not go yet: somebody else, who is to stay, can't serve. nil = they may.
    package func obstacle(to part: Int, in instances: [InstanceStatus], before: GenerationPlan) -> String? {
        let gone = parts.prefix(part).reduce(into: Set<String>()) { $0.formUnion($1.going) }
        let old = spansHosts ? before.instances.filter { hosts.contains($0.host) } : before.instances
        let staying = old.map(\.name).filter { !gone.contains($0) } + begun(through: part - 1).sorted()
        let seen = Dictionary(instances.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for name in staying {
            guard let one = seen[name] else { return "\(name) does not run" }
            if !one.ready { return "\(name) is \(one.state.rawValue)" + (one.reason.isEmpty ? "" : ": \(one.reason)") }
        }
        return nil
    }

    private static func canary(_ plan: GenerationPlan) -> Part {
        let canary = plan.rollout.canary ?? CanaryRolloutSpec()
        guard case .instances(let count) = canary.size else {
            return Part(going: [], coming: Set(plan.instances.map(\.name)))
        }
        return Part(going: [], coming: Set(plan.instances.filter { $0.slot <= count }.map(\.name)))
    }

    /// Slot for slot, in all pools at once, and on all hosts at once: an edge has its own host's instances only, so
    /// it is of each host that some must stay. What only one of the two has (a pool, more replicas) comes with the
    /// rest of its generation, before the flip, or goes with it after the soak.
    private static func rolling(from before: GenerationPlan, to plan: GenerationPlan) -> [Part] {
        let limit = (plan.rollout.rolling ?? RollingSpec()).maxUnavailable
        guard plan.origin.spec.spansHosts else {
            return plan.pools.reduce(into: []) { parts, pool in
                replace(before.slots(of: pool.name), by: plan.slots(of: pool.name), atATime: limit, in: &parts)
            }
        }
        var parts: [Part] = []
        for host in plan.hosts {
            for pool in plan.pools.map(\.name) {
                // One of the generation before stays until there is no way back: a host that is cut off has somewhere
                // to go. The next in its place comes with the rest.
                let old = before.slots(of: pool, on: host).dropLast()
                replace(Array(old), by: plan.slots(of: pool, on: host), atATime: limit, in: &parts, isAll: false)
            }
        }
        return parts
    }

    /// - Parameter isAll: nobody else of the generation before is there.
    private static func replace(
        _ old: [InstancePlan], by new: [InstancePlan], atATime limit: Int, in parts: inout [Part], isAll: Bool = true
    ) {
        func at(_ number: Int, _ change: (inout Part) -> Void) {
            while parts.count <= number { parts.append(Part(going: [], coming: [])) }
            change(&parts[number])
        }
        // Never all of a pool at once.
        let size = max(1, min(limit, isAll ? old.count - 1 : old.count))
        // Of a pool of one the next comes before the last goes.
        let lead = isAll && old.count == 1 ? 1 : 0
        for (index, instance) in old.enumerated() {
            at(index / size + lead) { $0.going.insert(instance.name) }
            if index < new.count { at(index / size) { $0.coming.insert(new[index].name) } }
        }
    }
}

extension GenerationPlan {
    /// - Parameter host: nil = wherever they are.
    fileprivate func slots(of pool: String, on host: String? = nil) -> [InstancePlan] {
        instances.filter { $0.pool == pool && (host == nil || $0.host == host) }.sorted { $0.slot < $1.slot }
    }
}
