/// Where a cut rollout is, by its journal and by what serves now.
package struct RolloutPlace: Sendable, Equatable {
    /// Begun last.
    package var step: RolloutStep
    /// The edge sends new traffic to the next generation now.
    package var serves: Bool
    /// It was about to, or may have.
    package var mayServe: Bool
    package var isUndoing: Bool
    package var reason: String

    package init(step: RolloutStep, serves: Bool, mayServe: Bool, isUndoing: Bool = false, reason: String = "") {
        self.step = step
        self.serves = serves
        self.mayServe = mayServe || serves
        self.isUndoing = isUndoing || step.isWayBack
        self.reason = reason
    }

    /// Everything that may have left something and is still to be taken back.
    func begun(on road: RolloutRoad) -> Set<RolloutStep> {
        let reached = road.reached(step)
        // An earlier machine, cut further on the same road, may have given it a part of the traffic.
        var begun: Set<RolloutStep> = reached > 0 || (step.isWayBack && !road.parts.isEmpty) ? [.part(1, .share)] : []
        guard step.isWayBack else {
            let last = road.steps.firstIndex(of: step) ?? 2
            return begun.union(road.steps.prefix(through: last))
        }
        if road.strategy == .rolling { begun.formUnion((0..<reached).map { .part($0 + 1, .retire) }) }
        return begun.union([.preflight, .stage, .start])
    }

    /// Of a generation that does not serve nothing is taken for granted but its users and files: it is begun
    /// again, which costs nothing where it runs, and verified again. A rolling update goes on with the part that
    /// it had come to: those before it are verified with it.
    func next(on road: RolloutRoad) -> RolloutStep {
        guard serves else {
            if step == .preflight || step == .stage { return step }
            guard road.strategy == .rolling else { return road.steps[2] }
            let part = max(1, road.reached(step))
            // On hosts what the parts before it were given has lapsed: they get it again before anybody else goes.
            return road.spansHosts && part > 1 ? .part(part - 1, .start) : .part(part, .retire)
        }
        if step.isPastReturn, road.steps.contains(step) { return step }
        // What hosts hold on trial only, they hold by the word of who is at work now.
        if road.steps.contains(.settle) { return .flip }
        return road.steps.contains(.soak) ? .soak : .stop
    }
}
