import Fleet
import Testing

@testable import Planning

/// Law 3 under any order of events, with crashes and restarts between any two of them.
@Suite("RolloutMachine, laws", .timeLimit(.minutes(5)))
struct RolloutMachineLawTests {
    @Test("100,000 rollouts, cut and taken up anywhere, leave exactly one generation", arguments: 0..<4)
    func anyOrder(quarter: Int) throws {
        let plan = try PlanSamples.planner(PlanSamples.spec { $0.pools[0].replicas = 2 }).plan(
            number: 2, current: nil)
        let ready = try PlanSamples.ready(plan)
        var sick = ready
        sick[1].state = .unfit
        sick[1].ready = false
        sick[1].reason = "the canary lacks shop"
        var ends: [String: Int] = [:]
        for seed in 0..<25_000 {
            var voyage = Voyage(plan: plan, ready: ready, sick: sick, seed: UInt64(quarter * 25_000 + seed))
            voyage.sail()
            if let wrong = voyage.wrong {
                Issue.record("seed \(quarter * 25_000 + seed): \(wrong); \(voyage.log)")
                return
            }
            ends[voyage.end, default: 0] += 1
        }
        // A law test that never gets anywhere proves nothing.
        #expect((ends["converged"] ?? 0) > 2000 && (ends["undone"] ?? 0) > 2000, "\(ends)")
    }
}

/// One rollout in a pretended world, which outlives the machines that steer it.
private struct Voyage {
    private struct World {
        var oldRuns: Bool
        var isStaged = false
        var nextRuns = false
        /// 0: nobody.
        var serving: Int
        var isFinal = false
        // What is noted.
        var step: RolloutStep?
        var mayServe = false
        var isUndoing = false
        var reason = ""
        /// Since the world began: once soaked, the old one may go.
        var hasSoaked = false
    }

    let plan: GenerationPlan
    let ready: [InstanceStatus]
    let sick: [InstanceStatus]
    let current: Int?
    private(set) var wrong: String?
    private(set) var end = ""
    private(set) var log: [String] = []
    private var world: World
    private var dice: SeededDice
    private var machine: RolloutMachine
    private var pending: RolloutStep?
    private var now = 0.0
    private var soakSince: Double?
    private var verified = false
    private var compared = false

    init(plan: GenerationPlan, ready: [InstanceStatus], sick: [InstanceStatus], seed: UInt64) {
        (self.plan, self.ready, self.sick) = (plan, ready, sick)
        current = seed.isMultiple(of: 4) ? nil : 1
        world = World(oldRuns: current != nil, serving: current ?? 0)
        dice = SeededDice(state: seed)
        machine = RolloutMachine(plan: plan, current: current)
    }

    mutating func sail() {
        take(machine.handle(.begin))
        for _ in 0..<Int(dice.next() % 40) where wrong == nil && end.isEmpty { turn() }
        guard wrong == nil, end.isEmpty || end == "undoFailed" || end == "unfinished" else { return }
        arrive()
    }

    /// Whatever happened: taken up once more in fair weather, it comes to its end.
    private mutating func arrive() {
        crash()
        let wantsBack = dice.next().isMultiple(of: 2)
        let goesBack = machine.isUndoing || (wantsBack && machine.turnBack("rolled back"))
        take(machine.handle(.begin))
        for _ in 0..<200 where wrong == nil && end.isEmpty {
            now += 5
            succeed(world.nextRuns ? ready : [])
        }
        guard wrong == nil else { return }
        expect(end == (goesBack ? "undone" : "converged"), "ended as \(end)")
    }

    private mutating func turn() {
        now += Double(dice.next() % 20)
        switch dice.next() % 16 {
        case 0: noise(.done(RolloutStep.allCases[Int(dice.next() % 14)]))
        case 1: noise(.failed(RolloutStep.allCases[Int(dice.next() % 14)], "late"))
        case 2: observe(nil)
        case 3: observe(world.nextRuns ? sick : [])
        case 4 where dice.next().isMultiple(of: 3): take(machine.handle(.worse("5 of 100 calls fail")))
        case 5 where dice.next().isMultiple(of: 3): take(machine.handle(.turnBack("interrupted")))
        case 6 where pending != nil:
            // A step that failed may have done its work all the same.
            guard let step = pending, step != .verify, step != .soak else { return }
            if dice.next().isMultiple(of: 2) { work(step) }
            take(machine.handle(.failed(step, "disk full")))
        case 7:
            if dice.next().isMultiple(of: 2), let step = pending { work(step) }
            crash()
            take(machine.handle(.begin))
        default: succeed(world.nextRuns ? ready : [])
        }
    }

    private mutating func noise(_ event: RolloutMachine.Event) {
        // News of the step that is under way is no noise.
        if let pending, event == .done(pending) || event == .failed(pending, "late") { return }
        take(machine.handle(event))
    }

    private mutating func succeed(_ seen: [InstanceStatus]) {
        guard let step = pending else { return }
        switch step {
        case .verify, .soak: observe(seen)
        case .compare:
            observe(seen)
            if pending == .compare { take(machine.handle(.done(.compare))) }
        case .takeAway where world.serving == 2 && current == nil:
            // A supervisor does not stop what serves.
            take(machine.handle(.failed(step, "it serves")))
        default:
            work(step)
            take(machine.handle(.done(step)))
        }
    }

    private mutating func observe(_ seen: [InstanceStatus]?) {
        if pending == .soak {
            let since = soakSince ?? now
            soakSince = since
            if seen == ready, now - since >= plan.rollout.bake.value { world.hasSoaked = true }
        }
        if seen == ready, pending == .verify { verified = true }
        if seen == ready, pending == .compare { compared = true }
        take(machine.handle(.observed(seen, at: Seconds(now))))
    }

    private mutating func crash() {
        log.append("crash")
        let step = world.step ?? .preflight
        machine = RolloutMachine(
            plan: plan, current: current,
            from: RolloutPlace(
                step: step, serves: world.serving == 2, mayServe: world.mayServe, isUndoing: world.isUndoing,
                reason: world.reason))
        pending = nil
        end = ""
        soakSince = nil
        (verified, compared) = (false, false)
    }

    private mutating func work(_ step: RolloutStep) {
        switch step {
        case .stage: world.isStaged = true
        case .start:
            expect(world.isStaged, "started what was not staged")
            world.nextRuns = true
        case .flip: world.serving = 2
        case .drain, .stop:
            expect(world.serving == 2 || current == nil, "took away what serves")
            world.oldRuns = false
        case .finalize: world.isFinal = true
        case .flipBack:
            expect(world.oldRuns, "flipped back to what is gone")
            world.serving = current ?? 0
        case .takeAway where current == nil && world.serving == 2: break
        case .takeAway:
            expect(world.serving != 2, "took away what serves")
            (world.nextRuns, world.isStaged) = (false, false)
        default: break
        }
    }

    private mutating func take(_ actions: [RolloutMachine.Action]) {
        expect(actions.count <= 1, "several actions at once: \(actions)")
        guard let action = actions.first, wrong == nil else { return }
        log.append("\(action)")
        expect(end.isEmpty, "acts after its end")
        switch action {
        case .perform(let step): begin(step)
        case .finish(let outcome): finish(outcome)
        }
    }

    private mutating func begin(_ step: RolloutStep) {
        pending = step
        world.step = step
        world.mayServe = world.mayServe || step == .flip
        world.isUndoing = machine.isUndoing
        world.reason = machine.reason
        switch step {
        case .flip: expect(verified && compared, "flips to what this machine has not seen whole")
        case .soak: soakSince = nil
        case .drain: expect(world.hasSoaked, "drains the old one before its successor has soaked")
        case .stop: expect(world.hasSoaked || current == nil, "stops the old one too early")
        case .takeAway, .flipBack: expect(!machine.reason.isEmpty, "goes back for no reason")
        default: break
        }
        expect(!world.isUndoing || step.isWayBack, "goes forward while it goes back")
    }

    private mutating func finish(_ outcome: RolloutMachine.Outcome) {
        pending = nil
        switch outcome {
        case .converged:
            end = "converged"
            expect(world.serving == 2 && world.nextRuns && world.isStaged && world.isFinal, "\(world)")
            expect(!world.oldRuns, "two generations are left")
        case .undone(let reason):
            end = "undone"
            expect(world.serving == current ?? 0 && world.oldRuns == (current != nil), "\(world)")
            expect(!world.nextRuns && !world.isStaged && !world.isFinal, "something is left: \(world)")
            expect(!reason.isEmpty, "stopped without a reason")
        case .unfinished(let step, let why):
            end = "unfinished"
            expect(step.isPastReturn && world.serving == 2 && !why.isEmpty, "unfinished at \(step)")
        case .undoFailed(let reason, let then):
            end = "undoFailed"
            expect(!reason.isEmpty && !then.isEmpty, "no reason")
        }
    }

    private mutating func expect(_ holds: Bool, _ what: String) { if !holds, wrong == nil { wrong = what } }
}
