import Fleet
import Foundation
import Planning
import Ports
import Testing

@testable import Operations

/// Operators, faults and kills in any order.
@Suite("Traffic for two generations, randomised", .timeLimit(.minutes(10)))
struct TrafficLawTests {
    private struct Dice: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
            return value ^ value >> 31
        }
    }

    private enum Step: CaseIterable {
        case share, share2, balance, takeBack, flip, flipBack, begin, retireSome, spoil, mend, kill, restart
    }

    @Test(
        "new traffic goes only to who is proved and fit, its parts add up to 1, and a restart changes nothing",
        arguments: 1...40)
    func anyOrder(seed: Int) async throws {
        var dice = Dice(state: UInt64(seed))
        let lab = TrafficLab()
        let (old, new) = try await lab.both()
        var trail: [String] = []
        for _ in 0..<14 {
            guard let step = Step.allCases.randomElement(using: &dice) else { continue }
            trail.append("\(step)")
            let name = (old.instances + new.instances).randomElement(using: &dice)?.name ?? ""
            do {
                try await take(step, name, lab, old, new, &dice)
            } catch let refusal as Failure {
                trail.append("refused: \(refusal.why)")
            }
            let settled = await settle(lab)
            let broken = try await fault(lab, old, new)
            if let broken {
                Issue.record("seed \(seed), \(trail): \(broken)")
                return
            }
            guard settled, step == .restart else { continue }
            let before = try lab.pool()
            lab.restart()
            _ = await settle(lab)
            let after = try lab.pool()
            if after != before { Issue.record("seed \(seed), \(trail): \(before) became \(after)") }
        }
    }

    private func take(
        _ step: Step, _ name: String, _ lab: TrafficLab, _ old: GenerationPlan, _ new: GenerationPlan,
        _ dice: inout Dice
    ) async throws {
        let (world, supervisor) = (lab.world, try lab.supervisor())
        let generation = name.hasSuffix("g1") ? 1 : 2
        let part = Double.random(in: 0.01...1, using: &dice)
        switch step {
        case .share, .share2: try await world.run { try await supervisor.share(generation, part: part) }
        case .balance: try await world.run { try await supervisor.balance(generation) }
        case .takeBack: try await world.run { try await supervisor.share(generation, part: 0) }
        case .flip: try await world.run { try await supervisor.flip(to: 2) }
        case .flipBack: try await world.run { try await supervisor.flip(to: 1) }
        case .begin: try await world.run { try await supervisor.begin(generation == 1 ? old : new, only: [name]) }
        case .retireSome:
            _ = try await world.run { try await supervisor.retire(generation, only: [name], drain: 1) }
        case .spoil, .mend:
            let writes = DatabaseGrant(database: "shop", role: "readWrite")
            world.database["convoy-shop." + name]?.grants = step == .spoil ? [Samples.shop, writes] : [Samples.shop]
            try await world.run { try await supervisor.check() }
        case .kill: world.machine.kill(name)
        case .restart: lab.restart()
        }
    }

    /// Whether everybody who was begun is as far as they get.
    private func settle(_ lab: TrafficLab) async -> Bool {
        await lab.world.pass(8)
        guard let supervisor = lab.world.supervisor else { return false }
        let report = try? await lab.world.run { try await supervisor.status(newerThan: nil, timeout: 0) }
        return report?.status.instances.allSatisfy { $0.ready || $0.state == .unfit || $0.state == .refused } == true
    }

    private func fault(_ lab: TrafficLab, _ old: GenerationPlan, _ new: GenerationPlan) async throws -> String? {
        let supervisor = try lab.supervisor()
        let status = try await lab.world.run { try await supervisor.status(newerThan: nil, timeout: 0) }.status
        let pool = try lab.pool()
        guard pool.active != nil else { return "nobody serves" }
        if let also = pool.also, !(also.part > 0 && also.part <= 1 && also.colour != pool.active) { return "\(also)" }
        let sum = status.trafficShare.reduce(0) { $0 + $1.part }
        if abs(sum - 1) > 1e-9 { return "parts add up to \(sum)" }
        let parts = status.trafficShare.filter { $0.part > 0 && $0.generation != status.generation }
        if parts.map(\.part) != (pool.also.map { [$0.part] } ?? []) { return "status says \(status.trafficShare)" }
        for plan in [old, new] where plan.colour == pool.active || plan.colour == pool.also?.colour {
            for instance in plan.instances where lab.isUp(instance) {
                guard let seen = status.instances.first(where: { $0.name == instance.name }) else {
                    return "\(instance.name) gets traffic and is not there"
                }
                if seen.proof?.verdict != .proved { return "\(instance.name) gets traffic without a proof" }
                if seen.state == .draining { return "\(instance.name) gets traffic while it drains" }
            }
            if plan.colour == pool.also?.colour, !plan.instances.contains(where: lab.isUp) {
                return "a share, and nobody to take it"
            }
        }
        return nil
    }
}
