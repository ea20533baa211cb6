import Fleet

/// A generation that serves, with more instances or fewer. The others are not touched: it stays the same
/// generation, by the same number.
package struct Amendment: Sendable, Equatable {
    package let old: GenerationPlan
    package let target: GenerationPlan
    /// On the way from one to the other: everybody.
    package let wide: GenerationPlan
    /// Names.
    package let added: Set<String>
    package let surplus: Set<String>

    package init(old: GenerationPlan, target: GenerationPlan) {
        self.old = old
        self.target = target
        let before = Set(old.instances.map(\.name))
        let after = Set(target.instances.map(\.name))
        added = after.subtracting(before)
        surplus = before.subtracting(after)
        var wide = target
        wide.instances += old.instances.filter { !after.contains($0.name) }
        wide.plannedUnder = old.wishes
        self.wide = wide
    }
}

extension GenerationPlan {
    /// Under which wish each instance was planned: units bear it, and must not change with their neighbours.
    package var wishes: [String: Digest] {
        Dictionary(instances.map { ($0.name, wish(of: $0.name)) }) { first, _ in first }
    }

    /// Whether it is the same generation with more instances or fewer: nothing else differs, and who is in both is
    /// the same in every byte.
    package func amends(_ known: GenerationPlan) -> Bool {
        let before = Dictionary(known.instances.map { ($0.name, $0) }) { first, _ in first }
        let kept = instances.filter { before[$0.name] != nil }
        return kept.allSatisfy { before[$0.name] == $0 && wish(of: $0.name) == known.wish(of: $0.name) }
            && withoutNumbers == known.withoutNumbers
    }

    private var withoutNumbers: GenerationPlan {
        var plan = self
        plan.instances = []
        plan.plannedUnder = nil
        plan.wish = release.digest
        // How a rollout paces itself, and by whom users are made, is no part of what runs.
        plan.rollout = RolloutSpec()
        plan.origin.spec.rollout = RolloutSpec()
        plan.origin.spec.database?.adminFile = nil
        plan.origin.spec.ledger = nil
        // Of a fleet over several hosts, which they are: that is told by its instances.
        if plan.origin.spec.spansHosts {
            plan.origin.spec.hosts = [HostSpec(name: "several", address: "")]
            plan.origin.spec.operatorSeat = nil
        }
        for index in plan.origin.spec.pools.indices { plan.origin.spec.pools[index].replicas = 1 }
        return plan
    }
}

extension GenerationPlanner {
    /// The generation that serves with as many instances as are wished now; nil when anything else is wished, too.
    package func amended(_ current: GenerationPlan) throws -> GenerationPlan? {
        var plan = try plan(number: current.number, colour: current.colour, current: current)
        plan.plannedUnder = current.wishes.filter { name, _ in plan.instances.contains { $0.name == name } }
        guard plan.amends(current), plan.instances.map(\.name) != current.instances.map(\.name) else { return nil }
        return plan
    }
}
