import Fleet
import Planning
import Ports

// What is done part by part: a canary is one part, a rolling update has several.
extension RolloutRunner {
    mutating func carryOut(_ deed: RolloutStep.Deed, of number: Int) async throws -> [RolloutMachine.Action]? {
        let road = machine.road
        guard road.parts.indices.contains(number - 1) else { throw Stop(why: "there is no part \(number)") }
        let part = road.parts[number - 1]
        switch deed {
        case .retire: return try await retire(part, number)
        case .start: try await start(part, number)
        case .compare: return try await compare()
        case .share: try await share(number)
        case .restore: try await restore(part)
        case .withdraw: try await withdraw(part)
        case .verify: break
        }
        return nil
    }

    /// A drain may take minutes: an interrupt does not wait for its end. Whoever drains is called back.
    private mutating func retire(
        _ part: RolloutRoad.Part, _ number: Int
    ) async throws -> [RolloutMachine.Action]? {
        let count = machine.road.parts.count
        if number == 1 {
            ports.progress.step(
                "replacing instances in \(count) parts; until the last, new sessions meet both versions")
        }
        guard let old = current, !part.going.isEmpty else { return nil }
        try await waitUntilOthersServe(number, old)
        ports.progress.step(
            "part \(number) of \(count): draining \(part.going.sorted().joined(separator: ", ")), "
                + "at most \(plan.rollout.drain.spelled)")
        let (ports, drain) = (ports, plan.rollout.drain)
        let report = try await ports.unlessInterrupted {
            try await ports.asking { try await $0.retire(old.number, only: part.going, drain: drain) }
        }
        guard let report else { return machine.handle(.turnBack("interrupted")) }
        try await account(for: report)
        return nil
    }

    /// More than `maxUnavailable` must never be missing, not even when this begins in a sick fleet.
    private func waitUntilOthersServe(_ number: Int, _ old: GenerationPlan) async throws {
        let deadline = ports.time.now().value + plan.health.startDeadline.value
        while true {
            let seen = try await status().status
            guard let obstacle = machine.road.obstacle(to: number, in: seen.instances, before: old) else { return }
            if ports.isInterrupted() { throw Stop(why: "interrupted") }
            // Waiting does not bring back what it had on trial.
            if let lost = seen.hosts.first(where: { $0.answers && !$0.reason.isEmpty }) {
                throw Stop(why: "\(lost.name): \(lost.reason)")
            }
            guard ports.time.now().value < deadline else { throw Stop(why: "nothing can be spared: \(obstacle)") }
            try await ports.time.sleep(0.5)
        }
    }

    private func start(_ part: RolloutRoad.Part, _ number: Int) async throws {
        ports.progress.step(
            "part \(number) of \(machine.road.parts.count): starting \(part.coming.count) x "
                + "\(plan.release.name) \(plan.release.version) (\(plan.release.digest.short))")
        let names = machine.road.begun(through: number)
        try await asking { try await $0.begin(plan, only: names) }
    }

    private func share(_ number: Int) async throws {
        let canary = plan.rollout.canary ?? CanaryRolloutSpec()
        let names = machine.road.begun(through: number)
        guard machine.road.strategy == .canary, case .share(let part) = canary.size else {
            return try await asking(onceFit: names) { try await $0.balance(plan.number) }
        }
        try await asking(onceFit: names) { try await $0.share(plan.number, part: part) }
    }

    /// Users and files of what was taken away are there until the generation is.
    private func restore(_ part: RolloutRoad.Part) async throws {
        guard let old = current, !part.going.isEmpty else { return }
        let names = part.going.sorted().joined(separator: ", ")
        ports.progress.step("going back: starting \(names) again: \(machine.reason)")
        guard try await comeBack(part.going, of: old) else { throw Stop(why: "not all of \(names) became ready again") }
        // Else it serves anyway, beside those that are left of the next generation.
        guard try await status().status.generation == plan.number else { return }
        try await asking { try await $0.balance(old.number) }
    }

    /// On a host that is away they start when it is back.
    private func comeBack(_ names: Set<String>, of old: GenerationPlan) async throws -> Bool {
        let deadline = ports.time.now().value + plan.health.startDeadline.value
        try await asking { try await $0.begin(old, only: names) }
        while ports.time.now().value < deadline {
            let report = try await status().status
            let away = Set(report.hosts.filter { !$0.answers }.map(\.name))
            let awaited = old.instances.filter { names.contains($0.name) && !away.contains($0.host) }.map(\.name)
            if Set(report.instances.filter(\.ready).map(\.name)).isSuperset(of: awaited) { return true }
            // A host that was away before.
            if !Set(report.instances.map(\.name)).isSuperset(of: awaited) {
                try await asking { try await $0.begin(old, only: names) }
            }
            try await ports.time.sleep(0.1)
        }
        return false
    }

    private mutating func withdraw(_ part: RolloutRoad.Part) async throws {
        let drain = current?.rollout.drain ?? 0
        account = try await asking { try await $0.retire(plan.number, only: part.coming, drain: drain) }.words
    }
}
