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

    private func machine(
        current: Int? = 1, until step: RolloutStep = .preflight, from place: RolloutPlace? = nil
    ) -> RolloutMachine {
        var machine = RolloutMachine(plan: plan, current: current, from: place)
        _ = machine.handle(.begin)
        for _ in 0..<40 where machine.step != step && machine.outcome == nil { _ = goOn(&machine) }
        return machine
    }

    /// The step that is under way succeeds.
    private func goOn(_ machine: inout RolloutMachine) -> [RolloutMachine.Action] {
        switch machine.step {
        case .verify: return machine.handle(.observed(ready, at: 0))
        case .compare:
            #expect(machine.handle(.observed(ready, at: 0)).isEmpty)
            return machine.handle(.done(.compare))
        case .soak:
            #expect(machine.handle(.observed(ready, at: 100)).isEmpty)
            return machine.handle(.observed(ready, at: Seconds(100 + plan.rollout.bake.value)))
        case let step?: return machine.handle(.done(step))
        case nil: return []
        }
    }

    private struct Road: Equatable {
        var steps: [RolloutStep]
        var outcome: RolloutMachine.Outcome?

        init(_ steps: [RolloutStep], _ outcome: RolloutMachine.Outcome?) {
            self.steps = steps
            self.outcome = outcome
        }
    }

    /// Everything from here to its end.
    private func road(_ machine: RolloutMachine) -> Road {
        var machine = machine
        var steps = [machine.step].compactMap(\.self)
        for _ in 0..<40 where machine.outcome == nil {
            for case .perform(let step) in goOn(&machine) { steps.append(step) }
        }
        return Road(steps, machine.outcome)
    }

    private func sick(_ state: InstanceState = .unfit) throws -> [InstanceStatus] {
        var statuses = ready
        statuses[1].state = state
        statuses[1].ready = false
        statuses[1].reason = "the canary lacks shop"
        return statuses
    }

    @Test("all goes well: every step in its order, converged")
    func happy() {
        #expect(road(machine()) == Road(RolloutStep.forward, .converged))
    }

    @Test("the first generation has nothing to soak against and nothing to drain")
    func first() {
        #expect(
            road(machine(current: nil)) == Road(RolloutStep.forward.filter { $0 != .soak && $0 != .drain }, .converged))
    }

    @Test("what was begun is taken back, and no more: the current generation is not touched")
    func failuresBeforeFlip() {
        let cases: [(RolloutStep, [RolloutStep])] = [
            (.preflight, [.finalizeUndone]), (.stage, [.takeAway, .finalizeUndone]),
            (.start, [.takeAway, .finalizeUndone]), (.compare, [.takeAway, .finalizeUndone]),
            (.flip, [.flipBack, .takeAway, .finalizeUndone]),
        ]
        for (step, back) in cases {
            var machine = machine(until: step)
            #expect(machine.handle(.failed(step, "disk full")) == [.perform(back[0])])
            #expect(machine.handle(.done(step)).isEmpty)
            #expect(road(machine) == Road(back, .undone(reason: "disk full")), "\(step)")
        }
    }

    @Test("an instance that is wrong, before the flip and while it soaks, stops it with its name and reason")
    func sickInstance() throws {
        for (step, back) in [(RolloutStep.verify, RolloutStep.takeAway), (.compare, .takeAway), (.soak, .flipBack)] {
            var machine = machine(until: step)
            #expect(machine.handle(.observed(try sick(), at: 1)) == [.perform(back)])
            #expect(machine.reason == "analytics-2-g2: the canary lacks shop")
        }
    }

    @Test("an interrupt takes it back up to the end of the soak, and not after it")
    func interrupted() {
        for step in RolloutStep.forward {
            var machine = machine(until: step)
            #expect(machine.canTurnBack == !step.isPastReturn)
            #expect(machine.handle(.turnBack("interrupted")).isEmpty == step.isPastReturn, "\(step)")
            let end: RolloutMachine.Outcome = step.isPastReturn ? .converged : .undone(reason: "interrupted")
            #expect(road(machine).outcome == end)
        }
    }

    @Test("a generation that is worse is flipped back at once, then taken away; elsewhere that is no news")
    func worse() {
        for step in RolloutStep.forward where step != .soak {
            var machine = machine(until: step)
            #expect(machine.handle(.worse("x")).isEmpty)
        }
        var machine = machine(until: .soak)
        #expect(machine.handle(.worse("5 of 100 calls fail")) == [.perform(.flipBack)])
        #expect(road(machine) == Road(RolloutStep.back, .undone(reason: "5 of 100 calls fail")))
    }

    @Test("a supervisor of another version, whose words nobody reads, is not waited for")
    func unreadable() {
        for step in [RolloutStep.verify, .soak] {
            var machine = machine(until: step)
            #expect(!machine.handle(.unreadable("cannot read its answer")).isEmpty)
            #expect(machine.reason == "cannot read its answer")
        }
    }

    @Test("one that differs from the others is found before the flip")
    func differs() throws {
        var machine = machine(until: .compare)
        var odd = ready
        odd[2].toolsDigest = try PlanSamples.digest("b")
        #expect(machine.handle(.observed(odd, at: 1)) == [.perform(.takeAway)])
        #expect(machine.reason.contains("offers other tools"))
    }

    @Test("one that becomes unfit between its verification and the flip is waited for again")
    func unfitAgain() throws {
        var machine = machine(until: .compare)
        #expect(machine.handle(.observed(try sick(.restarting), at: 1)) == [.perform(.verify)])
        #expect(machine.handle(.done(.verify)).isEmpty)
        #expect(road(machine).outcome == .converged)
    }

    @Test("without a comparison there is no flip")
    func notCompared() {
        var machine = machine(until: .compare)
        #expect(machine.handle(.done(.compare)) == [.perform(.takeAway)])
    }

    @Test("the soak lasts as long as it must, and ends with every instance ready")
    func soak() throws {
        var machine = machine(until: .soak)
        let bake = plan.rollout.bake.value
        #expect(machine.handle(.done(.soak)).isEmpty)
        #expect(machine.handle(.observed(ready, at: 5)).isEmpty)
        #expect(machine.handle(.observed(ready, at: Seconds(bake + 4))).isEmpty)
        #expect(machine.handle(.observed(try sick(.restarting), at: Seconds(bake + 6))).isEmpty)
        #expect(machine.handle(.observed(nil, at: Seconds(bake + 7))).isEmpty)
        #expect(machine.handle(.observed(ready, at: Seconds(bake + 8))) == [.perform(.drain)])
    }

    @Test("a soak that nobody can look at, or that does not end whole, is a reason to go back")
    func blindSoak() throws {
        let late = Seconds(plan.rollout.bake.value + plan.health.startDeadline.value + 1)
        for seen in [nil, try sick(.restarting)] {
            var machine = machine(until: .soak)
            #expect(machine.handle(.observed(ready, at: 0)).isEmpty)
            #expect(machine.handle(.observed(seen, at: late)) == [.perform(.flipBack)])
        }
    }

    @Test("after the soak a step that fails leaves the new generation serving, to be finished later")
    func unfinished() {
        for step in [RolloutStep.drain, .stop, .finalize, .prune] {
            var machine = machine(until: step)
            #expect(machine.handle(.failed(step, "no answer")) == [.finish(.unfinished(step, "no answer"))])
            #expect(machine.handle(.done(step)).isEmpty)
        }
    }

    @Test("a way back that fails says both reasons, and is gone again from its beginning")
    func undoFails() {
        var machine = machine(until: .flip)
        _ = machine.handle(.failed(.flip, "gate away"))
        #expect(
            machine.handle(.failed(.flipBack, "gate still away"))
                == [.finish(.undoFailed(reason: "gate away", then: "gate still away"))])
        let place = RolloutPlace(
            step: .flipBack, serves: true, mayServe: true, isUndoing: true, reason: "gate away")
        #expect(
            road(self.machine(until: .flipBack, from: place)) == Road(RolloutStep.back, .undone(reason: "gate away")))
    }

    @Test(
        "cut at a step, it is taken up there; what does not serve is begun and verified again",
        arguments: [
            (.preflight, false, .preflight), (.stage, false, .stage), (.start, false, .start),
            (.verify, false, .start), (.compare, false, .start), (.flip, false, .start), (.flip, true, .soak),
            (.soak, true, .soak), (.drain, true, .drain), (.stop, true, .stop), (.finalize, true, .finalize),
            (.prune, true, .prune), (.soak, false, .start),
        ] as [(RolloutStep, Bool, RolloutStep)])
    func resumed(step: RolloutStep, serves: Bool, first: RolloutStep) {
        let place = RolloutPlace(step: step, serves: serves, mayServe: step.rank >= RolloutStep.flip.rank)
        var machine = RolloutMachine(plan: plan, current: 1, from: place)
        #expect(machine.handle(.begin) == [.perform(first)])
        let ahead = RolloutStep.forward.filter { $0.rank >= first.rank }
        #expect(road(machine) == Road(ahead, .converged))
    }

    @Test("a first generation that serves already has no way back")
    func noWayBack() {
        let serving = RolloutPlace(step: .flip, serves: true, mayServe: true)
        var machine = RolloutMachine(plan: plan, current: nil, from: serving)
        let didTurn = machine.turnBack("rolled back")
        #expect(!didTurn)
        let notYet = RolloutPlace(step: .flip, serves: false, mayServe: true)
        machine = RolloutMachine(plan: plan, current: nil, from: notYet)
        let turned = machine.turnBack("rolled back")
        #expect(turned)
        #expect(machine.handle(.begin) == [.perform(.takeAway)])
    }

    @Test("every step has words, and what leaves something has its way back")
    func steps() {
        #expect(Set(RolloutStep.allCases.map(\.words)).count == RolloutStep.allCases.count)
        #expect(RolloutStep.forward.filter { $0.undo != nil } == [.stage, .start, .flip])
        #expect(RolloutStep.forward + RolloutStep.back == RolloutStep.allCases)
    }
}

@Suite("ProgressJudge")
struct ProgressJudgeTests {
    private let ready: [InstanceStatus]

    init() throws { ready = try PlanSamples.ready(PlanSamples.generation()) }

    private func judge(_ change: (inout GenerationPlan) -> Void = { _ in }) throws -> ProgressJudge {
        var plan = try PlanSamples.generation()
        plan.rollout.deadline = 600
        plan.health.startDeadline = 60
        change(&plan)
        return ProgressJudge(plan: plan)
    }

    private func starting(_ count: Int) -> [InstanceStatus] {
        ready.enumerated().map { index, status in
            var status = status
            guard index < count else { return status }
            (status.ready, status.state, status.toolsDigest) = (false, .starting, nil)
            return status
        }
    }

    @Test("each instance has its time from when it was seen to run")
    func healthy() throws {
        var judge = try judge()
        var none = starting(3)
        for index in none.indices { none[index].pid = nil }
        #expect(judge.observe(none, at: 0) == nil)
        #expect(judge.observe(none, at: 100) == nil)
        var one = starting(1)
        one[0].reason = "the canary lacks shop"
        #expect(judge.observe(one, at: 110) == nil)
        #expect(judge.observe(one, at: 169) == nil)
        #expect(judge.observe(one, at: 170) == "analytics-1-g1: not fit within 60s of its start: the canary lacks shop")
    }

    @Test("one that was fit in between has its time again")
    func fitBetween() throws {
        var judge = try judge()
        #expect(judge.observe(starting(1), at: 0) == nil)
        #expect(judge.observe(ready, at: 50) == nil)
        #expect(judge.observe(starting(1), at: 70) == nil)
        #expect(judge.observe(starting(1), at: 129) == nil)
        #expect(judge.observe(starting(1), at: 130) != nil)
    }

    @Test("nothing getting better is another limit than the deadline of all")
    func progress() throws {
        var judge = try judge {
            $0.rollout.progress = 40
            $0.health.startDeadline = 500
        }
        #expect(judge.observe(starting(3), at: 0) == nil)
        #expect(judge.observe(starting(2), at: 39) == nil)
        #expect(judge.observe(starting(2), at: 78) == nil)
        // Back and forth is no progress.
        #expect(judge.observe(starting(3), at: 78.5) == nil)
        #expect(judge.observe(starting(2), at: 79) == "nothing has got better for 40s")
    }

    @Test("the deadline of all counts from the first look, also when nobody answers")
    func deadline() throws {
        var judge = try judge()
        #expect(judge.observe(nil, at: 1000) == nil)
        #expect(judge.observe(nil, at: 1599) == nil)
        #expect(judge.observe(nil, at: 1600) == "the next generation was not ready within 600s")
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

    @Test("one that was adopted and has not told its tools yet is waited for, and not taken for another kind")
    func adopted() throws {
        #expect(try judge { $0[0].toolsDigest = nil } == .waiting)
        #expect(try judge { for index in $0.indices { $0[index].toolsDigest = nil } } == .fit)
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
