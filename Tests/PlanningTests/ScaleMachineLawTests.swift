import Fleet
import Testing

@testable import Planning

/// More of one pool and fewer of another, in any order of events, with crashes between any two of them.
@Suite("ScaleMachine, laws")
struct ScaleMachineLawTests {
    @Test("20,000 changes, cut and taken up anywhere, end as wished or as it was, and touch nobody else")
    func anyOrder() throws {
        let spec = PlanSamples.spec { spec in
            var other = spec.pools[0]
            other.name = "crew"
            spec.pools.append(other)
        }
        let old = try PlanSamples.planner(spec).plan(number: 1, current: nil)
        var wish = spec
        wish.pools[0].replicas = 4
        wish.pools[1].replicas = 2
        let target = try #require(try PlanSamples.planner(wish).amended(old))
        let amendment = Amendment(old: old, target: target)
        #expect(amendment.added == ["analytics-4-g1"] && amendment.surplus == ["crew-3-g1"])
        var ends: [String: Int] = [:]
        for seed in 0..<20_000 {
            var change = ScaleVoyage(amendment, seed: UInt64(seed))
            try change.sail()
            if let wrong = change.wrong {
                Issue.record("seed \(seed): \(wrong); \(change.log)")
                return
            }
            ends[change.end, default: 0] += 1
        }
        #expect((ends["converged"] ?? 0) > 2000 && (ends["undone"] ?? 0) > 2000, "\(ends)")
    }

    @Test("only fewer, and only more, have only their own steps")
    func roads() throws {
        let old = try PlanSamples.planner(PlanSamples.spec()).plan(number: 1, current: nil)
        for (replicas, road) in [(5, "preflight stage start verify stop finalize"), (1, "drain stop finalize")] {
            let target = try PlanSamples.planner(PlanSamples.spec { $0.pools[0].replicas = replicas }).amended(old)
            let amendment = Amendment(old: old, target: try #require(target))
            let ready = try PlanSamples.ready(amendment.wide)
            var machine = ScaleMachine(amendment)
            var steps: [String] = []
            var actions = machine.handle(.begin)
            while case .perform(let step)? = actions.first {
                steps.append(step.rawValue)
                actions = machine.handle(step == .verify ? .observed(ready, at: 1) : .done(step))
            }
            #expect(steps.joined(separator: " ") == road)
            #expect(actions == [.finish(.converged)])
        }
    }

    @Test("anything else that differs is no amendment")
    func amends() throws {
        let old = try PlanSamples.planner(PlanSamples.spec()).plan(number: 1, current: nil)
        let changes: [(inout FleetSpec) -> Void] = [
            { $0.pools[0].scope = "mcp:other" }, { $0.server.settings = ["limit": .integer(7)] },
            { $0.pools[0].databases[0].role = "readAnyDatabase" }, { $0.ports = PortsSpec(first: 43000, last: 43255) },
        ]
        for change in changes {
            let spec = PlanSamples.spec {
                $0.pools[0].replicas = 4
                change(&$0)
            }
            #expect(try PlanSamples.planner(spec).amended(old) == nil)
        }
        #expect(try PlanSamples.planner(PlanSamples.spec(), digest: "b").amended(old) == nil)
        #expect(try PlanSamples.planner(PlanSamples.spec()).amended(old) == nil, "nothing differs at all")
        let paced = PlanSamples.spec {
            $0.pools[0].replicas = 4
            $0.rollout.drain = 7
        }
        #expect(try PlanSamples.planner(paced).amended(old) != nil)
    }
}

/// One change in a pretended world, which outlives the machines that steer it.
private struct ScaleVoyage {
    private let amendment: Amendment
    private let ready: [InstanceStatus]
    private var dice: SeededDice
    private var running: Set<String>
    private var isSurplusGone = false
    // What is noted.
    private var isPastReturn = false
    private var undoing: String?
    private(set) var wrong: String?
    private(set) var end = ""
    private(set) var log: [String] = []

    init(_ amendment: Amendment, seed: UInt64) {
        self.amendment = amendment
        dice = SeededDice(state: seed)
        running = Set(amendment.old.instances.map(\.name))
        ready = (try? PlanSamples.ready(amendment.wide)) ?? []
    }

    mutating func sail() throws {
        var lives = 0
        while end.isEmpty, wrong == nil {
            lives += 1
            guard lives < 200 else { return wrong = "it never ends" }
            var machine = ScaleMachine(amendment, isPastReturn: isPastReturn, undoing: undoing)
            var actions = machine.handle(.begin)
            while let action = actions.first, wrong == nil {
                isPastReturn = machine.isPastReturn
                undoing = machine.isUndoing ? machine.reason : nil
                switch action {
                case .finish(let outcome):
                    finish(outcome)
                    actions = []
                case .perform(let step):
                    log.append(step.rawValue)
                    // Before the step or after it.
                    if chance(8) { break }
                    actions = react(to: step, &machine)
                    continue
                }
                break
            }
        }
    }

    private mutating func react(to step: RolloutStep, _ machine: inout ScaleMachine) -> [ScaleMachine.Action] {
        if chance(12) {
            let turned = machine.handle(.turnBack("asked"))
            if !turned.isEmpty { return turned }
        }
        if step == .verify {
            var seen = ready
            if chance(5) { seen[0].state = .unfit }
            if chance(4) { seen[seen.count - 1].ready = false }
            let actions = machine.handle(.observed(seen, at: Seconds(Double(log.count))))
            return actions.isEmpty ? machine.handle(.observed(ready, at: Seconds(Double(log.count)))) : actions
        }
        let isDone = !chance(10)
        if isDone || chance(2) { carryOut(step) }
        return machine.handle(isDone ? .done(step) : .failed(step, "the disk is full"))
    }

    private mutating func carryOut(_ step: RolloutStep) {
        switch step {
        case .start: running.formUnion(amendment.added)
        case .drain:
            if !amendment.added.isSubset(of: running) { wrong = "drained before the new ones were there" }
            running.subtract(amendment.surplus)
        case .takeAway:
            if !amendment.surplus.isSubset(of: running) { wrong = "taken back although some had gone" }
            running.subtract(amendment.added)
        default: break
        }
    }

    private mutating func finish(_ outcome: RolloutMachine.Outcome) {
        let untouched = Set(amendment.old.instances.map(\.name)).subtracting(amendment.surplus)
        if !untouched.isSubset(of: running) { wrong = "others were touched" }
        switch outcome {
        case .converged:
            end = "converged"
            if running != Set(amendment.target.instances.map(\.name)) { wrong = "not as wished: \(running)" }
        case .undone:
            end = "undone"
            if running != Set(amendment.old.instances.map(\.name)) { wrong = "not as it was: \(running)" }
        // Somebody goes on with it.
        case .unfinished, .undoFailed: break
        }
    }

    private mutating func chance(_ of: UInt64) -> Bool { dice.next() % of == 0 }
}
