import Fleet

/// Follows the sessions of instances that drain: whether any is left, and what became of all.
package struct DrainJudge: Sendable, Equatable {
    private let homes: Set<String>
    private let movingPools: Set<String>
    /// Pools whose sessions any instance can serve, where none of their instances stays: they end with these.
    private let endingPools: Set<String>
    private var most = 0
    private var open = 0
    private var moved = 0

    /// - Parameters:
    ///   - instances: those that drain.
    ///   - isWhole: nothing of their generation stays, so sessions that any instance can serve go with it.
    package init(_ instances: [InstancePlan], of plan: GenerationPlan, isWhole: Bool) {
        homes = Set(instances.map { Self.home($0.pool, "\(plan.colour.rawValue)\($0.slot)") })
        movingPools = isWhole ? Set(plan.pools.filter(\.sessionsAreExternal).map(\.name)) : []
        endingPools = []
    }

    /// All that a host has, whose sessions no other host knows.
    package init(host plans: [GenerationPlan]) {
        homes = Set(
            plans.flatMap { plan in
                plan.instances.map { Self.home($0.pool, "\(plan.colour.rawValue)\($0.slot)") }
            })
        movingPools = []
        endingPools = Set(plans.flatMap(\.pools).filter(\.sessionsAreExternal).map(\.name))
    }

    /// What the gate counts now.
    package mutating func see(_ tallies: [SessionTally]) {
        open = tallies.reduce(0) { sum, tally in
            let ends = tally.tag.map { homes.contains(Self.home(tally.pool, $0)) } ?? endingPools.contains(tally.pool)
            return sum + (ends ? tally.live : 0)
        }
        most = max(most, open)
        let movable = tallies.filter { $0.tag == nil && movingPools.contains($0.pool) }
        moved = max(moved, movable.reduce(0) { $0 + $1.live })
    }

    package var isOver: Bool { open == 0 }
    /// Sessions that are still in use.
    package var left: Int { open }

    package func report(callsCut: Int) -> DrainReport {
        DrainReport(
            sessions: most + moved, ended: most - open, moved: moved, cut: open, callsCut: callsCut)
    }

    private static func home(_ pool: String, _ tag: String) -> String { "\(pool)_\(tag)" }
}
