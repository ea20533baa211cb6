import Fleet
import Testing

@testable import Planning

@Suite("RolloutMachine")
struct RolloutMachineTests {
    private let plan: GenerationPlan
    private let ready: [InstanceStatus]

    init() throws {
        plan = try PlanSamples.generation(2, over: PlanSamples.generation())
        ready = try PlanSamples.ready(plan)
    }

    private func machine(current: Int? = 1, after events: [RolloutMachine.Event] = []) -> RolloutMachine {
        var machine = RolloutMachine(plan: plan, current: current)
        for event in events { _ = machine.handle(event) }
        return machine
    }

    private func sick(_ state: InstanceState = .unfit) throws -> [InstanceStatus] {
        var statuses = ready
        statuses[1].state = state
        statuses[1].ready = false
        statuses[1].reason = "the canary lacks shop"
        return statuses
    }

    @Test("all goes well: stage, watch, flip, bake, retire the old, converged")
    func happy() {
        var machine = machine()
        #expect(machine.handle(.begin) == [.stage])
        #expect(machine.handle(.staged) == [.watch])
        #expect(machine.handle(.observed([])).isEmpty)
        #expect(machine.handle(.observed(ready)) == [.flip])
        #expect(machine.handle(.flipped) == [.bake(plan.rollout.bake)])
        #expect(machine.handle(.observed(ready)).isEmpty)
        #expect(machine.handle(.bakeEnded) == [.retireOld(drain: plan.rollout.drain)])
        #expect(machine.handle(.oldRetired) == [.finish(.converged)])
    }

    @Test("the first generation has nothing to bake against: the flip is the end")
    func first() {
        var machine = machine(current: nil, after: [.begin, .staged, .observed(ready)])
        #expect(machine.handle(.flipped) == [.finish(.converged)])
    }

    @Test("before the flip every failure takes the next generation away and touches nothing else")
    func failuresBeforeFlip() throws {
        let cases: [([RolloutMachine.Event], RolloutMachine.Event, String)] = [
            ([.begin], .stageFailed("disk full"), "disk full"),
            ([.begin], .cancelled, "interrupted"),
            ([.begin, .staged], .observed(try sick()), "analytics-2-g2: the canary lacks shop"),
            ([.begin, .staged], .observed(try sick(.refused)), "analytics-2-g2: the canary lacks shop"),
            ([.begin, .staged], .deadlinePassed, "the next generation was not ready within 600s"),
            ([.begin, .staged], .cancelled, "interrupted"),
        ]
        for (before, event, reason) in cases {
            var machine = machine(after: before)
            #expect(machine.handle(event) == [.undo(flipBackTo: nil)])
            #expect(machine.handle(.undone) == [.finish(.undone(reason: reason))])
        }
    }

    @Test("a flip that fails is flipped back: it may have reached the gate")
    func flipFails() {
        var machine = machine(after: [.begin, .staged, .observed(ready)])
        #expect(machine.handle(.flipFailed("gate away")) == [.undo(flipBackTo: 1)])
        #expect(machine.handle(.flipped).isEmpty)
        #expect(
            machine.handle(.undoFailed("gate still away"))
                == [.finish(.undoFailed(reason: "gate away", then: "gate still away"))])
    }

    @Test("a generation that breaks while it bakes is flipped back")
    func bakeBroken() throws {
        var machine = machine(after: [.begin, .staged, .observed(ready), .flipped])
        #expect(machine.handle(.observed(try sick())) == [.undo(flipBackTo: 1)])
        #expect(machine.handle(.bakeEnded).isEmpty)
        #expect(machine.handle(.undone) == [.finish(.undone(reason: "analytics-2-g2: the canary lacks shop"))])
    }

    @Test("a generation that serves worse than the one before is flipped back; before its flip nobody can know")
    func bakeWorse() {
        var machine = machine(after: [.begin, .staged])
        #expect(machine.handle(.worse("p95 480 ms, 35 ms before")).isEmpty)
        _ = machine.handle(.observed(ready))
        _ = machine.handle(.flipped)
        #expect(machine.handle(.worse("p95 480 ms, 35 ms before")) == [.undo(flipBackTo: 1)])
        #expect(machine.handle(.undone) == [.finish(.undone(reason: "p95 480 ms, 35 ms before"))])
    }

    @Test("one restart while it bakes is the supervisor's business")
    func bakeRestart() throws {
        var machine = machine(after: [.begin, .staged, .observed(ready), .flipped])
        #expect(machine.handle(.observed(try sick(.restarting))).isEmpty)
        #expect(machine.handle(.cancelled) == [.undo(flipBackTo: 1)])
    }

    @Test("an old generation that can't be taken away is told, and the new one serves all the same")
    func leftovers() {
        var machine = machine(after: [.begin, .staged, .observed(ready), .flipped, .bakeEnded])
        #expect(machine.handle(.cancelled).isEmpty)
        #expect(machine.handle(.retireFailed("no answer")) == [.finish(.convergedWithLeftovers("no answer"))])
        #expect(machine.handle(.oldRetired).isEmpty)
    }

    @Test("no order of events finishes twice, or touches the old generation before its time")
    func anyOrder() throws {
        let broken = try sick()
        for seed in 0..<60_000 {
            var dice = SeededDice(state: UInt64(seed))
            let current: Int? = seed.isMultiple(of: 4) ? nil : 1
            var machine = machine(current: current)
            var finishes = 0
            var flipAsked = false
            var flipped = false
            var baked = false
            var undoing = false
            for step in 0..<30 {
                let event = event(&dice, broken)
                let baking = machine.phase == .baking
                if machine.phase == .flipping, event == .flipped { flipped = true }
                if baking, event == .bakeEnded { baked = true }
                for action in machine.handle(event) {
                    var wrong: String?
                    switch action {
                    case .flip where undoing: wrong = "flipped after a failure"
                    case .flip: flipAsked = true
                    case .retireOld where !flipped || !baked || undoing: wrong = "retired the old too early"
                    case .undo(let back?):
                        if back != current || !flipAsked { wrong = "flips back without a flip" }
                        undoing = true
                    case .undo(nil):
                        if flipAsked, current != nil { wrong = "does not flip back" }
                        undoing = true
                    case .finish(.converged) where undoing: wrong = "converged after a failure"
                    case .finish: finishes += 1
                    default: break
                    }
                    if finishes > 1 { wrong = "finished twice" }
                    if let wrong {
                        Issue.record("seed \(seed), step \(step), \(event): \(wrong)")
                        return
                    }
                }
            }
        }
    }

    private func event(_ dice: inout SeededDice, _ broken: [InstanceStatus]) -> RolloutMachine.Event {
        switch dice.next() % 23 {
        case 0, 1, 2: .begin
        case 3, 4, 5: .staged
        case 6: .stageFailed("x")
        case 7, 8, 9: .observed(ready)
        case 10: .observed(broken)
        case 11: .observed([])
        case 12: .deadlinePassed
        case 13, 14: .flipped
        case 15: .flipFailed("x")
        case 16: .bakeEnded
        case 17: .oldRetired
        case 18: .retireFailed("x")
        case 19: .cancelled
        case 20: .undone
        case 21: .worse("x")
        default: .undoFailed("x")
        }
    }
}

@Suite("GenerationJudge")
struct GenerationJudgeTests {
    private let plan: GenerationPlan

    init() throws { plan = try PlanSamples.generation() }

    private func judge(serving: Bool = false, _ change: (inout [InstanceStatus]) throws -> Void) throws
        -> GenerationJudge.Verdict
    {
        var statuses = try PlanSamples.ready(plan)
        try change(&statuses)
        return GenerationJudge(plan: plan).judge(statuses, serving: serving)
    }

    @Test("all ready and alike is fit")
    func fit() throws { #expect(try judge { _ in } == .fit) }

    @Test("one that is missing, starting or of another generation is waited for")
    func waiting() throws {
        #expect(try judge { $0.removeLast() } == .waiting)
        #expect(try judge { $0[0].ready = false } == .waiting)
        #expect(try judge { $0[2].generation = 9 } == .waiting)
    }

    @Test("one that died twice before it was ready breaks it, but not once it serves")
    func deaths() throws {
        let dying: (inout [InstanceStatus]) -> Void = {
            $0[0].state = .restarting
            $0[0].ready = false
            $0[0].restarts = 2
            $0[0].reason = "exited with code 1"
        }
        #expect(
            try judge(dying) == .broken("analytics-1-g1: died 2 times before it was ready: exited with code 1"))
        #expect(try judge(serving: true, dying) == .waiting)
    }

    @Test("instances that differ are broken although each is ready")
    func differences() throws {
        let verdicts = [
            try judge { $0[1].digest = try PlanSamples.digest("b") },
            try judge { $0[1].toolsDigest = try PlanSamples.digest("b") },
            try judge { $0[1].eras = [.legacy] },
        ]
        for verdict in verdicts {
            guard case .broken(let why) = verdict else {
                Issue.record("\(verdict)")
                continue
            }
            #expect(why.hasPrefix("analytics-2-g1: "))
        }
    }
}
