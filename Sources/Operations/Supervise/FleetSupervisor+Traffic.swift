import Fleet
import Planning
import Ports

// New traffic for two generations at once. The gate chooses, by who asks; nginx is not touched.
extension FleetSupervisor: TrafficControl {
    package func share(_ generation: Int, part: Double) async throws {
        guard (0...1).contains(part) else {
            throw Failure(
                .usage, "cannot share traffic", because: "\(part) is not within 0...1", next: "name a part of it")
        }
        await untilTakenOver()
        if part == 0, active.share?.generation != generation { return }
        try await apply(GenerationStore.Active.Share(generation: generation, part: part), on: active.trial)
    }

    package func balance(_ generation: Int) async throws {
        await untilTakenOver()
        try await apply(GenerationStore.Active.Share(generation: generation, part: nil), on: active.trial)
    }

    /// All new traffic goes to the generation that serves, and nothing is on trial.
    func endShare() async throws {
        guard let share = active.share else {
            try endTrial()
            return try await reconcileEdge()
        }
        try await apply(GenerationStore.Active.Share(generation: share.generation, part: 0), on: nil)
    }

    /// - Parameter trial: as which it is noted, in the same breath.
    func apply(_ share: GenerationStore.Active.Share, on trial: FlipTrial?) async throws {
        var share = share
        let known = active.share.flatMap { $0.generation == share.generation ? $0 : nil }
        share.among = share.part == 0 ? nil : fit(of: share.generation, or: known?.among ?? [])
        if let known, known.part == share.part, trial == active.trial {
            // Given already; since then others of it may have shown that they are fit.
            active.share = share
            if share != known { try store.save(active) }
            return try await reconcileEdge()
        }
        if share.part != 0 { try checkShare(share.generation) }
        let before = (share: active.share, trial: active.trial)
        active.share = share
        active.trial = trial
        do {
            try store.save(active)
            try await reconcileEdge()
        } catch {
            // What was taken back stays taken back: the next reconciliation tries again.
            if share.part != 0, active.share == share {
                (active.share, active.trial) = before
                try store.save(active)
                try? await reconcileEdge()
            }
            throw error
        }
        let part = share.part.map { "\(Int(($0 * 100).rounded()))% of new traffic" } ?? "its share of new traffic"
        ports.log("generation \(share.generation) gets \(part)")
    }

    private func fit(of generation: Int, or known: [String]) -> [String] {
        let begun = plans[generation].map(instances(of:)) ?? []
        return begun.filter { mayServe($0) || known.contains($0.name) }.map(\.name).sorted()
    }

    private func checkShare(_ generation: Int) throws {
        func refusal(_ why: String) -> Failure {
            Failure(
                .failed, "cannot give generation \(generation) a share of the traffic", because: why,
                next: "see `convoy status`")
        }
        guard let plan = plans[generation] else { throw refusal("this host does not run it") }
        guard active.generation != nil else { throw refusal("nobody serves whom it could share with") }
        guard active.generation != generation else { throw refusal("it serves all of it") }
        guard !active.retiring.contains(generation) else { throw refusal("it is being taken away") }
        let begun = instances(of: plan)
        guard !begun.isEmpty else { throw refusal("no instance of it was started") }
        // Law 1.
        if let unfit = begun.first(where: { !mayServe($0) }) { throw refusal("\(unfit.name) is not ready and proved") }
    }

    func mayServe(_ instance: InstancePlan) -> Bool {
        runners[instance.name]?.machine.isFit == true && !active.leaving.contains(instance.name)
    }

    func refuseLeaving(_ plan: GenerationPlan) throws {
        let isRetiring = active.retiring.contains(plan.number)
        guard isRetiring || instances(of: plan).isEmpty else { return }
        throw Failure(
            .failed, "cannot flip to generation \(plan.number)",
            because: isRetiring ? "it is being taken away" : "no instance of it was started",
            next: "see `convoy status`")
    }

    // MARK: What it comes to

    /// Instances that new traffic may reach.
    func rotating(_ pool: String, _ plan: GenerationPlan) -> Int {
        instances(of: plan).count { $0.pool == pool && runners[$0.name]?.machine.inRotation == true }
    }

    /// The generation that gets a part of this pool's new traffic, and which; nil while there is none that could.
    func sharing(_ pool: String) -> (plan: GenerationPlan, part: Double)? {
        guard let share = active.share, let plan = plans[share.generation],
            let serving = active.generation.flatMap({ plans[$0] }), serving.number != plan.number
        else { return nil }
        let part = TrafficJudge(part: share.part).part(
            sharing: rotating(pool, plan), serving: rotating(pool, serving))
        return part > 0 ? (plan, part) : nil
    }

    func trafficShares() -> [TrafficShare] {
        guard active.trial?.isShut != true, life.takesNew, let serving = active.generation.flatMap({ plans[$0] }) else {
            return []
        }
        return serving.pools.map(\.name).sorted().flatMap { pool -> [TrafficShare] in
            let other = sharing(pool)
            let rest = TrafficShare(pool: pool, generation: serving.number, part: 1 - (other?.part ?? 0))
            guard let other else { return [rest] }
            let share = TrafficShare(pool: pool, generation: other.plan.number, part: other.part)
            return [rest, share].sorted { $0.generation < $1.generation }
        }
    }
}
