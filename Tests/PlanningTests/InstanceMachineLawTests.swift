import Fleet
import Testing

@testable import Planning

@Suite("InstanceMachine, randomised")
struct InstanceMachineLawTests {
    private let policy = HealthSpec(unhealthyAfter: 2, healthyAfter: 2, startDeadline: 5)

    private func plan() throws -> InstancePlan { try #require(try PlanSamples.generation().instances.first) }

    /// What a test knows from the events alone.
    private struct Known {
        var isProved: Bool
        var isWished = true
        var isDrained = false
        var isExpelled = false
        var gone = 0
    }

    @Test("no order of events breaks a law")
    func anyOrder() throws {
        let database = try plan()
        var bare = database
        bare.proof = nil
        for seed in 0..<60_000 {
            var dice = SeededDice(state: UInt64(seed))
            let plan = seed.isMultiple(of: 5) ? bare : database
            var machine = InstanceMachine(plan: plan, policy: policy)
            var known = Known(isProved: plan.proof == nil)
            for step in 0..<Int(dice.next() % 20) + 1 {
                let event = event(&dice, Double(step))
                let broken = check(&machine, event, &known)
                if let broken {
                    Issue.record("seed \(seed), step \(step), \(event): \(broken)")
                    return
                }
            }
        }
    }

    private func check(
        _ machine: inout InstanceMachine, _ event: InstanceMachine.Event, _ known: inout Known
    ) -> String? {
        let wasIn = machine.inRotation
        switch event {
        case .proved(let verdict, _): known.isProved = verdict.isProved
        case .stop: known.isWished = false
        case .drain: known.isDrained = true
        case .recall: if known.isWished, !known.isExpelled { known.isDrained = false }
        case .expel:
            known.isDrained = true
            known.isExpelled = true
        default: break
        }
        let actions = machine.handle(event)
        // What an earlier supervisor proved counts until the proof that is asked for now.
        if case .adopted = event, actions.contains(.rotation) || machine.verdict.isProved {
            known.isProved = machine.verdict.isProved
        }
        known.gone += actions.count { $0 == .gone }
        if actions.contains(.spawn), !known.isProved || !known.isWished { return "spawned against the law" }
        if actions.count(where: { $0 == .spawn }) > 1 { return "two processes at once" }
        if machine.inRotation, !known.isProved || !known.isWished || known.isDrained { return "in rotation" }
        if machine.keepsSessions, known.isExpelled { return "keeps sessions" }
        if machine.isFit, !known.isProved { return "fit without a proof" }
        if known.gone > 1 { return "gone twice" }
        if known.gone == 1, machine.state != .stopped { return "gone but \(machine.state)" }
        if (wasIn != machine.inRotation) != actions.contains(.rotation) { return "rotation was not told" }
        return nil
    }

    private func event(_ dice: inout SeededDice, _ at: Double) -> InstanceMachine.Event {
        let at = Seconds(at)
        switch dice.next() % 17 {
        case 0, 1: return .begin(at: at)
        case 2, 3, 4: return .proved(.proved, at: at)
        case 5: return .proved(dice.next().isMultiple(of: 2) ? .refuted("r") : .unverified("u"), at: at)
        case 6, 7: return .started(at: at)
        case 8: return .adopted(restarts: 1, at: at)
        case 9: return .startRefused("x")
        case 10: return .exited("died", at: at, dice: 0.5)
        case 11: return .retryDue(at: at)
        case 12: return dice.next().isMultiple(of: 3) ? .stop(at: at) : .drain
        case 13: return .stopOverdue
        case 14:
            let others: [InstanceMachine.Event] = [.expel, .recall, .recall, .retryDue(at: at), .retryDue(at: at)]
            return others[Int(dice.next() % 5)]
        default: return .probed(observation(&dice), at: at)
        }
    }

    private func observation(_ dice: inout SeededDice) -> InstanceMachine.Observation {
        switch dice.next() % 6 {
        case 0, 1, 2: .init(finding: .passed, eras: [.modern])
        case 3: .init(finding: .failed("f"), isWrongAnswer: dice.next().isMultiple(of: 2))
        case 4: .init(finding: .busy("b"))
        default: .init(finding: .lifeless("l"))
        }
    }

    /// A world that answers every action, late and in any order, as the real one does.
    private struct World {
        var pending: [InstanceMachine.Event] = []
        var processes = 0
        var launches = 0
        var isGone = false
    }

    @Test("whatever happens, after a stop it is gone in the end, and no process is left")
    func alwaysGone() throws {
        let plan = try plan()
        for seed in 0..<20_000 {
            var dice = SeededDice(state: UInt64(seed))
            var machine = InstanceMachine(plan: plan, policy: policy)
            var world = World(pending: [.begin(at: 0)])
            let stopAt = Int(dice.next() % 40)
            for step in 0..<400 where !world.isGone {
                var event = InstanceMachine.Event.probed(observation(&dice), at: Seconds(Double(step)))
                if step == stopAt {
                    event = .stop(at: 0)
                } else if !world.pending.isEmpty, !dice.next().isMultiple(of: 4) {
                    event = world.pending.remove(at: Int(dice.next() % UInt64(world.pending.count)))
                } else if world.processes > 0, dice.next().isMultiple(of: 6) {
                    event = .exited("died", at: Seconds(Double(step)), dice: 0)
                }
                settle(event, &world)
                for action in machine.handle(event) { answer(action, &world, &dice) }
            }
            guard world.isGone, world.processes == 0, world.launches == 0 else {
                Issue.record("seed \(seed): \(machine.state), \(world)")
                return
            }
        }
    }

    private func settle(_ event: InstanceMachine.Event, _ world: inout World) {
        switch event {
        case .started:
            world.launches -= 1
            world.processes += 1
        case .startRefused: world.launches -= 1
        case .exited: world.processes -= 1
        default: break
        }
    }

    private func answer(_ action: InstanceMachine.Action, _ world: inout World, _ dice: inout SeededDice) {
        switch action {
        case .prove: world.pending.append(.proved(dice.next().isMultiple(of: 3) ? .unverified("u") : .proved, at: 0))
        case .spawn:
            world.launches += 1
            world.pending.append(dice.next().isMultiple(of: 9) ? .startRefused("x") : .started(at: 0))
        case .retry: world.pending.append(.retryDue(at: 0))
        case .terminate: world.pending.append(.stopOverdue)
        case .kill: break
        case .rotation: break
        case .gone: world.isGone = true
        }
    }
}
