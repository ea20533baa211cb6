extension FleetParser {
    func strategy(_ section: Section, into rollout: inout RolloutSpec) {
        if let node = section["strategy"], let text = reader.text(node) {
            if let strategy = RolloutSpec.Strategy(rawValue: text) {
                rollout.strategy = strategy
            } else {
                // What its keys are for is not known then.
                return reader.report(node, "\(text.quoted) is no strategy", "write flip, rolling or canary")
            }
        }
        if let node = section["rolling"], isOf(.rolling, rollout.strategy, node) { rollout.rolling = rolling(node) }
        if let node = section["canary"], isOf(.canary, rollout.strategy, node) { rollout.canary = canary(node) }
    }

    private func isOf(
        _ wanted: RolloutSpec.Strategy, _ strategy: RolloutSpec.Strategy, _ node: SourceNode
    ) -> Bool {
        if wanted == strategy { return true }
        reader.report(
            node, "is of no use with strategy \(strategy.rawValue)",
            "remove it, or write strategy: \(wanted.rawValue)")
        return false
    }

    private func rolling(_ node: SourceNode) -> RollingSpec? {
        guard let section = reader.section(node, known: ["maxUnavailable"]) else { return nil }
        var rolling = RollingSpec()
        set(&rolling.maxUnavailable, section["maxUnavailable"], 1...63)
        return rolling
    }

    private func canary(_ node: SourceNode) -> CanaryRolloutSpec? {
        guard let section = reader.section(node, known: ["instances", "share", "for"]) else { return nil }
        var canary = CanaryRolloutSpec()
        if let count = section["instances"].flatMap({ reader.integer($0, in: 1...64) }) {
            canary.size = .instances(count)
        }
        if let node = section["share"], let part = share(node) {
            canary.size = .share(part)
            if section["instances"] != nil {
                reader.report(node, "says what instances says, too", "keep one of them")
            }
            if part == 1 { reader.report(node, "is everybody", "lower it, or write strategy: flip") }
        }
        set(&canary.time, section["for"], 1...86400)
        return canary
    }

    /// Somebody has to serve meanwhile. A pool of one gets its next instance first.
    func checkRolling(_ rolling: RollingSpec?, _ section: Section, pools: [PoolSpec]) {
        let node = section["rollout"]?.child("rolling")?.child("maxUnavailable")
        guard let rolling, let node,
            let least = pools.filter({ $0.replicas > 1 }).min(by: { $0.replicas < $1.replicas }),
            rolling.maxUnavailable >= least.replicas
        else { return }
        reader.report(
            node, "would leave nobody of the \(least.replicas) of pool \(least.name)",
            "write \(least.replicas - 1) at most")
    }
}
