import Fleet

// A generation is one plan for all hosts; each host gets the part of it that is its own, by the same number and wish.
extension GenerationPlan {
    /// In the order of the plan.
    package var hosts: [String] {
        var seen: Set<String> = []
        return instances.map(\.host).filter { seen.insert($0).inserted }
    }

    /// All that one host has to know of it.
    package func slice(for host: String) -> GenerationPlan {
        var slice = self
        slice.instances = instances.filter { $0.host == host }
        let names = Set(slice.instances.map(\.name))
        slice.plannedUnder = plannedUnder.map { $0.filter { names.contains($0.key) } }
        return slice
    }

    /// The whole again; nil without a slice. Slices of one number are slices of one plan: no number is used twice.
    ///
    /// - Parameter slices: of different hosts, in the order of the fleet's hosts.
    package init?(whole slices: [GenerationPlan]) {
        guard var whole = slices.first else { return nil }
        let all = slices.flatMap(\.instances)
        // As a planner orders them: by pool, then by host, then by slot.
        let pools = whole.pools.map(\.name)
        let places = Dictionary(pools.enumerated().map { ($0.element, $0.offset) }) { first, _ in first }
        whole.instances = all.enumerated().sorted { one, other in
            let (a, b) = (places[one.element.pool] ?? pools.count, places[other.element.pool] ?? pools.count)
            return (a, one.offset) < (b, other.offset)
        }.map(\.element)
        if slices.contains(where: { $0.plannedUnder != nil }) {
            let wishes = slices.compactMap(\.plannedUnder)
            whole.plannedUnder = wishes.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
        }
        self = whole
    }
}
