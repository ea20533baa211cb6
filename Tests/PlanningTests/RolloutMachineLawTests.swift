import Fleet
import Testing

@testable import Planning

/// Law 3 under any order of events, with crashes and restarts between any two of them.
@Suite("RolloutMachine, laws", .timeLimit(.minutes(5)))
struct RolloutMachineLawTests {
    @Test(
        "100,000 rollouts of all strategies, cut and taken up anywhere, leave exactly one generation", arguments: 0..<4)
    func anyOrder(quarter: Int) throws {
        let charts = try Self.charts()
        var ends: [String: Int] = [:]
        for seed in (quarter * 25_000)..<((quarter + 1) * 25_000) {
            let chart = charts[seed % charts.count]
            var voyage = Voyage(chart: chart, isFirst: seed / charts.count % 4 == 0, seed: UInt64(seed))
            voyage.sail()
            if let wrong = voyage.wrong {
                Issue.record("seed \(seed), \(chart.name): \(wrong); \(voyage.log)")
                return
            }
            ends["\(chart.name) \(voyage.end)", default: 0] += 1
        }
        // A law test that never gets anywhere proves nothing.
        for chart in charts {
            for end in ["converged", "undone"] {
                #expect(ends["\(chart.name) \(end)"] ?? 0 > 400, "\(chart.name) \(end): \(ends)")
            }
        }
    }

    private static func charts() throws -> [Chart] {
        let strategies: [(String, RolloutSpec)] = [
            ("flip", RolloutSpec()),
            ("rolling 1", RolloutSpec(strategy: .rolling)),
            ("rolling 2", RolloutSpec(strategy: .rolling, rolling: RollingSpec(maxUnavailable: 2))),
            ("canary", RolloutSpec(strategy: .canary, canary: CanaryRolloutSpec(size: .instances(1)))),
            ("canary share", RolloutSpec(strategy: .canary, canary: CanaryRolloutSpec(time: 20))),
        ]
        return try strategies.map { name, rollout in
            func plan(_ number: Int, _ current: GenerationPlan?) throws -> GenerationPlan {
                try PlanSamples.planner(PlanSamples.spec { $0.rollout = rollout }).plan(
                    number: number, current: current)
            }
            let old = try plan(1, nil)
            let new = try plan(2, old)
            return Chart(name: name, old: old, new: new, ready: try PlanSamples.ready(old) + PlanSamples.ready(new))
        }
    }
}

private struct Chart: Sendable {
    let name: String
    let old: GenerationPlan
    let new: GenerationPlan
    let ready: [InstanceStatus]

    var all: Set<String> { Set(new.instances.map(\.name)) }
}

/// One rollout in a pretended world, which outlives the machines that steer it.
private struct Voyage {
    private struct World {
        /// Names of those that run.
        var old: Set<String>
        var new: Set<String> = []
        var isStaged = false
        /// 0: nobody.
        var serving: Int
        /// The generation that does not serve gets a part of the new traffic.
        var isShared = false
        var isFinal = false
        // What is noted.
        var step: RolloutStep?
        var mayServe = false
        var isUndoing = false
        var reason = ""
        /// Since the world began: once soaked, the old one may go.
        var hasSoaked = false
    }

    let chart: Chart
    let current: Int?
    private(set) var wrong: String?
    private(set) var end = ""
    /// Nil: a crash. Words only when somebody reads them: they cost more than what they tell of.
    private var deeds: [RolloutMachine.Action?] = []
    var log: [String] { deeds.map { $0.map { "\($0)" } ?? "crash" } }
    private var world: World
    private var dice: SeededDice
    private var machine: RolloutMachine
    private var pending: RolloutStep?
    private var now = 0.0
    private var lookingSince: Double?
    // Of this machine.
    private var verified: Set<String> = []
    private var compared: Set<String> = []
    private var hasWatched = false

    init(chart: Chart, isFirst: Bool, seed: UInt64) {
        self.chart = chart
        current = isFirst ? nil : 1
        world = World(old: isFirst ? [] : Set(chart.old.instances.map(\.name)), serving: isFirst ? 0 : 1)
        dice = SeededDice(state: seed)
        machine = RolloutMachine(plan: chart.new, current: current, before: isFirst ? nil : chart.old)
    }

    private var plan: GenerationPlan { chart.new }
    private var oldNames: Set<String> { current == nil ? [] : Set(chart.old.instances.map(\.name)) }

    /// What the supervisor says of those that run.
    private func seen(isSick: Bool = false) -> [InstanceStatus] {
        chart.ready.filter { world.old.contains($0.name) || world.new.contains($0.name) }.map { status in
            guard isSick, status.name == plan.instances[1].name else { return status }
            var status = status
            (status.state, status.ready, status.reason) = (.unfit, false, "the canary lacks shop")
            return status
        }
    }

    mutating func sail() {
        take(machine.handle(.begin))
        for _ in 0..<Int(dice.next() % 60) where wrong == nil && end.isEmpty { turn() }
        guard wrong == nil, end.isEmpty || end == "undoFailed" || end == "unfinished" else { return }
        arrive()
    }

    /// Whatever happened: taken up once more in fair weather, it comes to its end.
    private mutating func arrive() {
        crash()
        let wantsBack = dice.next().isMultiple(of: 2)
        let goesBack = machine.isUndoing || (wantsBack && machine.turnBack("rolled back"))
        take(machine.handle(.begin))
        for _ in 0..<400 where wrong == nil && end.isEmpty {
            now += 5
            succeed()
        }
        guard wrong == nil else { return }
        expect(end == (goesBack ? "undone" : "converged"), "ended as \(end)")
    }

    private mutating func turn() {
        now += Double(dice.next() % 20)
        switch dice.next() % 24 {
        case 0: noise { .done($0) }
        case 1: noise { .failed($0, "late") }
        case 2: observe(nil)
        case 3 where dice.next().isMultiple(of: 2): observe(seen(isSick: true))
        case 4 where dice.next().isMultiple(of: 3): take(machine.handle(.worse("5 of 100 calls fail")))
        case 5 where dice.next().isMultiple(of: 3): take(machine.handle(.turnBack("interrupted")))
        case 6:
            guard let step = pending, !looksOn(step), dice.next().isMultiple(of: 2) else { return }
            // A step that failed may have done its work all the same.
            if dice.next().isMultiple(of: 2) { work(step) }
            take(machine.handle(.failed(step, "disk full")))
        case 7:
            if dice.next().isMultiple(of: 2), let step = pending { work(step) }
            crash()
            take(machine.handle(.begin))
        default: succeed()
        }
    }

    private func looksOn(_ step: RolloutStep) -> Bool { step == .soak || step == .watch || step.isVerification }

    private mutating func noise(_ make: (RolloutStep) -> RolloutMachine.Event) {
        let steps = machine.road.steps + machine.road.back + RolloutStep.allCases
        let step = steps[Int(dice.next() % UInt64(steps.count))]
        // News of the step that is under way is no noise.
        if step != pending { take(machine.handle(make(step))) }
    }

    private mutating func succeed() {
        guard let step = pending else { return }
        switch step {
        case .takeAway where world.serving == 2 && current == nil:
            // A supervisor does not stop what serves.
            take(machine.handle(.failed(step, "it serves")))
        case _ where looksOn(step): observe(seen())
        case _ where step.isComparison:
            observe(seen())
            if pending == step { take(machine.handle(.done(step))) }
        default:
            work(step)
            take(machine.handle(.done(step)))
        }
    }

    private mutating func observe(_ found: [InstanceStatus]?) {
        let fit = Set((found ?? []).filter(\.ready).map(\.name))
        let isFit = fit.isSuperset(of: machine.audience)
        if pending == .soak || pending == .watch {
            let since = lookingSince ?? now
            lookingSince = since
            let time = pending == .soak ? plan.rollout.bake : plan.rollout.canary?.time ?? 60
            if isFit, now - since >= time.value {
                if pending == .soak { world.hasSoaked = true } else { hasWatched = true }
            }
        }
        if isFit, pending?.isVerification == true { verified = machine.audience }
        if isFit, pending?.isComparison == true { compared = machine.audience }
        let own = found?.filter { $0.generation == plan.number }
        take(machine.handle(.observed(own, at: Seconds(now))))
    }

    private mutating func crash() {
        deeds.append(nil)
        machine = RolloutMachine(
            plan: plan, current: current, before: current == nil ? nil : chart.old,
            from: RolloutPlace(
                step: world.step ?? .preflight, serves: world.serving == 2, mayServe: world.mayServe,
                isUndoing: world.isUndoing, reason: world.reason))
        pending = nil
        end = ""
        lookingSince = nil
        (verified, compared, hasWatched) = ([], [], false)
    }

    private mutating func work(_ step: RolloutStep) {
        switch step {
        case .stage: world.isStaged = true
        case .start:
            expect(world.isStaged, "started what was not staged")
            world.new = chart.all
        case .flip: (world.serving, world.isShared) = (2, false)
        case .drain, .stop:
            expect(world.serving == 2 || current == nil, "took away what serves")
            world.old = []
        case .finalize: world.isFinal = true
        case .flipBack:
            expect(world.old == oldNames, "flipped back to what is not whole")
            (world.serving, world.isShared) = (current ?? 0, false)
        case .takeAway where current == nil && world.serving == 2: break
        case .takeAway:
            expect(world.serving != 2 && !world.isShared, "took away what serves")
            expect(world.old == oldNames, "took away what stands in for others")
            (world.new, world.isStaged) = ([], false)
        case .part(let number, let deed): work(deed, number)
        default: break
        }
    }

    private mutating func work(_ deed: RolloutStep.Deed, _ number: Int) {
        let part = machine.road.parts[number - 1]
        switch deed {
        case .retire:
            expect(machine.road.obstacle(to: number, in: seen(), before: chart.old) == nil, "others are missing")
            world.old.subtract(part.going)
            expectEnough()
        case .start:
            expect(world.isStaged, "started what was not staged")
            world.new.formUnion(machine.road.begun(through: number))
        case .share: world.isShared = true
        case .restore:
            world.old.formUnion(part.going)
            if world.serving == 2 { world.isShared = true }
        case .withdraw:
            expect(world.old.isSuperset(of: part.going), "took away what nobody has replaced")
            world.new.subtract(part.coming)
            expectEnough()
        case .verify, .compare: break
        }
    }

    /// Never fewer than replicas - maxUnavailable have traffic.
    private mutating func expectEnough() {
        let others = world.serving == 2 ? world.old : world.new
        let serving = (world.serving == 2 ? world.new.count : world.old.count) + (world.isShared ? others.count : 0)
        let limit = plan.rollout.rolling?.maxUnavailable ?? 1
        if serving < plan.instances.count - limit { expect(false, "only \(serving) serve: \(world)") }
    }

    private mutating func take(_ actions: [RolloutMachine.Action]) {
        if actions.count > 1 { expect(false, "several actions at once: \(actions)") }
        guard let action = actions.first, wrong == nil else { return }
        deeds.append(action)
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
        lookingSince = nil
        expect(RolloutStep(rawValue: step.rawValue) == step, "its journal says \(step.rawValue)")
        switch step {
        case .flip:
            expect(verified == chart.all && compared == chart.all, "flips to what this machine has not seen whole")
            expect(machine.road.strategy != .canary || hasWatched, "flips to what was not watched")
        case .part(let number, .share):
            let part = machine.road.begun(through: number)
            expect(verified == part && compared == part, "gives traffic to what it has not seen fit")
        case .drain: expect(world.hasSoaked, "drains the old one before its successor has soaked")
        case .stop: expect(world.hasSoaked || current == nil, "stops the old one too early")
        case _ where step.isWayBack && step != .finalizeUndone:
            expect(!machine.reason.isEmpty, "goes back for no reason")
        default: break
        }
        expect(!world.isUndoing || step.isWayBack, "goes forward while it goes back")
    }

    private mutating func finish(_ outcome: RolloutMachine.Outcome) {
        pending = nil
        switch outcome {
        case .converged:
            end = "converged"
            expect(world.serving == 2 && world.new == chart.all && world.isStaged && world.isFinal, "\(world)")
            expect(world.old.isEmpty && !world.isShared, "two generations are left")
        case .undone(let reason):
            end = "undone"
            expect(world.serving == current ?? 0 && world.old == oldNames, "\(world)")
            expect(world.new.isEmpty && !world.isStaged && !world.isFinal, "something is left: \(world)")
            expect(!world.isShared && !reason.isEmpty, "shares, or stopped without a reason")
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
