import Fleet
import Foundation
import Planning
import Ports

// Whom this host serves, whatever it runs: told by the operator, kept in a file, and known before the edge opens.
extension FleetSupervisor: HostLifeControl {
    package func cordon() async throws {
        await untilTakenOver()
        if try keep(.cordon) { ports.log("cordoned: no new sessions") }
        try await reconcileEdge(isUrgent: true)
    }

    package func drain(deadline: Seconds) async throws -> DrainReport {
        try await cordon()
        if life.wish == .drained { return DrainReport() }
        var judge = DrainJudge(host: Array(plans.values))
        let all = plans.values.flatMap(\.instances)
        try await waitUntilLeft(all, &judge, limit: deadline)
        try keep(.drained)
        try await reconcileEdge(isUrgent: true)
        try await waitUntilIdle(all, limit: min(deadline, Self.callGrace))
        let report = judge.report(callsCut: ports.sockets.connections(to: Set(all.map(\.port))))
        ports.log("drained: nobody is served" + (report.words.isEmpty ? "" : "; \(report.words)"))
        return report
    }

    package func uncordon(generation: Int) async throws {
        await untilTakenOver()
        if life.door == .behind {
            throw refusal("uncordon", "the fleet went on without it", next: "`convoy up` brings it to the fleet's")
        }
        if life.wish != .open {
            try refuseUnlike(generation, "uncordon")
            try keep(.uncordon)
            ports.log("uncordoned: generation \(generation) serves everybody")
        }
        try await reconcileEdge()
    }

    /// Shut although it can't be noted: who starts anew is told again.
    package func leave(rollout: Int) async throws {
        await untilTakenOver()
        if life.hear(.leave(rollout: rollout)) {
            ports.log("rollout \(rollout) goes on without this host: nobody is served")
            noteLife()
        }
        if life.door == .behind { try await reconcileEdge(isUrgent: true) }
    }

    package func welcome(generation: Int, upTo rollout: Int) async throws {
        await untilTakenOver()
        guard life.door == .behind else {
            try keep(.welcome(upTo: rollout))
            return
        }
        try refuseUnlike(generation, "welcome")
        guard rollout >= life.leftBy ?? 0 else {
            throw refusal("welcome", "a later rollout went on without it", next: "run `convoy up` again")
        }
        try keep(.welcome(upTo: rollout))
        ports.log("one of the fleet again, by generation \(generation): \(life.door.rawValue)")
        try await reconcileEdge()
    }

    package func guests() async throws -> Int {
        await untilTakenOver()
        var judge = DrainJudge(host: Array(plans.values))
        await count(&judge, Self.sessionIdle)
        return judge.left
    }

    // MARK: In a drain

    /// Ends early when neither a session nor a connection is left.
    private func waitUntilLeft(_ instances: [InstancePlan], _ judge: inout DrainJudge, limit: Seconds) async throws {
        let deadline = ports.time.now().value + limit.value
        let idle = max(limit, Self.sessionIdle)
        await count(&judge, idle)
        while ports.time.now().value < deadline {
            let busy = isBusy(instances)
            if !busy { await count(&judge, idle) }
            if !busy, judge.isOver { break }
            try await ports.time.sleep(busy ? 0.1 : 0.5)
            guard life.wish != .open else {
                throw refusal("drain", "it was uncordoned meanwhile", next: "drain it again")
            }
        }
        await count(&judge, idle)
    }

    // MARK: What is kept

    func loadLife() throws -> HostLife {
        let path = settings.layout.life
        guard let text = try ports.files.read(path) else { return HostLife() }
        guard let known = try? JSONDecoder().decode(HostLife.self, from: Data(text.utf8)) else {
            // Law 1: nobody knows whether it may serve.
            throw Failure(
                .failed, "cannot read \(path)", because: "it is not what an earlier supervisor wrote",
                next: "remove it if this host may serve; then start the supervisor again")
        }
        return known
    }

    /// Of what holds already.
    func noteLife() {
        do { try save(life) } catch { ports.log("cannot note whom this host serves: \(Self.words(error))") }
    }

    private func save(_ life: HostLife) throws {
        try ports.files.write(settings.layout.life, try StableJSON.text(life), mode: 0o600)
    }

    /// Noted before it holds; false when nothing is another than before.
    @discardableResult
    private func keep(_ word: HostLife.Word) throws -> Bool {
        var next = life
        guard next.hear(word) else { return false }
        try save(next)
        life = next
        changed()
        return true
    }

    // MARK: What is refused

    /// It must be what the fleet serves, and all of it fit.
    private func refuseUnlike(_ generation: Int, _ what: String) throws {
        let next = "`convoy status` tells what is wrong; `convoy up` mends it"
        guard active.generation == generation, let plan = plans[generation] else {
            let own = active.generation.map { "generation \($0)" } ?? "none"
            throw refusal(what, "the fleet serves generation \(generation), this host \(own)", next: next)
        }
        if active.trial != nil { throw refusal(what, "a rollout is under way", next: "run `convoy resume` first") }
        if let unfit = instances(of: plan).first(where: { !mayServe($0) }) {
            throw refusal(what, "\(unfit.name) is not ready and proved", next: next)
        }
    }

    private func refusal(_ what: String, _ why: String, next: String) -> Failure {
        Failure(.failed, "cannot \(what) this host", because: why, next: next)
    }
}
