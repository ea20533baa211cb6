import Fleet
import Testing

@testable import Planning

@Suite("RolloutRoad")
struct RolloutRoadTests {
    private func plan(
        _ number: Int, _ replicas: [String: Int], _ rollout: RolloutSpec = RolloutSpec(),
        over old: GenerationPlan? = nil
    ) throws -> GenerationPlan {
        let spec = PlanSamples.spec { spec in
            let pool = spec.pools[0]
            spec.pools = replicas.sorted { $0.key < $1.key }.map { name, count in
                var pool = pool
                (pool.name, pool.replicas) = (name, count)
                return pool
            }
            spec.rollout = rollout
        }
        return try PlanSamples.planner(spec).plan(number: number, current: old)
    }

    private func rolling(_ old: [String: Int], _ new: [String: Int], atATime: Int) throws -> RolloutRoad {
        let before = try plan(1, old)
        let rollout = RolloutSpec(strategy: .rolling, rolling: RollingSpec(maxUnavailable: atATime))
        return RolloutRoad(plan: try plan(2, new, rollout, over: before), hasCurrent: true, before: before)
    }

    private func words(_ road: RolloutRoad) -> [String] {
        road.parts.map { "-\($0.going.sorted().joined(separator: ",")) +\($0.coming.sorted().joined(separator: ","))" }
    }

    @Test("over hosts a flip is sealed before it is decided, also on the only one: of two, one may be left behind")
    func sealed() throws {
        func steps(_ count: Int, seat: OperatorSeat?, skips: Set<String> = []) throws -> [RolloutStep] {
            var planner = try PlanSamples.planner(
                PlanSamples.spec {
                    $0.hosts = (1...count).map { HostSpec(name: "web-\($0)", address: "10.0.0.\($0)") }
                    $0.operatorSeat = seat
                })
            planner.skips = skips
            return RolloutRoad(plan: try planner.plan(number: 2, current: nil), hasCurrent: true, before: nil).steps
        }
        #expect(try steps(2, seat: nil).contains(.settle))
        #expect(try steps(2, seat: nil, skips: ["web-2"]).contains(.settle))
        #expect(try steps(1, seat: .remote).contains(.settle))
        #expect(try !steps(1, seat: nil).contains(.settle))
    }

    @Test("a flip, and any strategy where nothing serves, has no parts")
    func flip() throws {
        let road = RolloutRoad(plan: try plan(2, ["a": 3]), hasCurrent: true, before: nil)
        #expect(road.parts.isEmpty && road.steps == RolloutStep.forward && road.back == RolloutStep.back)
        for strategy in RolloutSpec.Strategy.allCases {
            let first = RolloutRoad(
                plan: try plan(1, ["a": 3], RolloutSpec(strategy: strategy)), hasCurrent: false, before: nil)
            #expect(first.steps == RolloutStep.forward.filter { $0 != .soak && $0 != .drain })
            #expect(first.strategy == .flip)
        }
    }

    @Test("a canary is begun, verified, compared and watched before the rest")
    func canary() throws {
        let spec = RolloutSpec(strategy: .canary, canary: CanaryRolloutSpec(size: .instances(2)))
        let road = RolloutRoad(plan: try plan(2, ["a": 3, "b": 1], spec), hasCurrent: true, before: nil)
        #expect(words(road) == ["- +a-1-g2,a-2-g2,b-1-g2"])
        #expect(
            road.steps.map(\.rawValue) == [
                "preflight", "stage", "start.1", "verify.1", "compare.1", "share.1", "watch", "start", "verify",
                "compare", "flip", "soak", "drain", "stop", "finalize", "prune",
            ])
        let shared = RolloutSpec(strategy: .canary, canary: CanaryRolloutSpec(size: .share(0.1)))
        let all = RolloutRoad(plan: try plan(2, ["a": 3], shared), hasCurrent: true, before: nil)
        #expect(words(all) == ["- +a-1-g2,a-2-g2,a-3-g2"])
    }

    @Test("a rolling update goes slot for slot in all pools at once, and never takes all of one")
    func rolling() throws {
        #expect(
            words(try rolling(["a": 3, "b": 2], ["a": 3, "b": 2], atATime: 2)) == [
                "-a-1-g1,a-2-g1,b-1-g1 +a-1-g2,a-2-g2,b-1-g2", "-a-3-g1,b-2-g1 +a-3-g2,b-2-g2",
            ])
        let road = try rolling(["a": 2], ["a": 2], atATime: 1)
        #expect(
            road.steps.map(\.rawValue) == [
                "preflight", "stage", "retire.1", "start.1", "verify.1", "compare.1", "share.1", "retire.2", "start.2",
                "verify.2", "compare.2", "share.2", "start", "verify", "compare", "flip", "soak", "drain", "stop",
                "finalize", "prune",
            ])
        #expect(
            road.back.map(\.rawValue) == [
                "restore.2", "withdraw.2", "restore.1", "withdraw.1", "flipBack", "takeAway", "finalizeUndone",
            ])
    }

    @Test("of a pool of one the next comes before the last goes; other pools and sizes come and go with the rest")
    func odd() throws {
        #expect(words(try rolling(["a": 1], ["a": 1], atATime: 1)) == ["- +a-1-g2", "-a-1-g1 +"])
        #expect(words(try rolling(["a": 2], ["a": 3], atATime: 1)) == ["-a-1-g1 +a-1-g2", "-a-2-g1 +a-2-g2"])
        #expect(words(try rolling(["a": 2], ["a": 1], atATime: 1)) == ["-a-1-g1 +a-1-g2", "-a-2-g1 +"])
        #expect(words(try rolling(["a": 2, "b": 2], ["a": 2, "c": 2], atATime: 1)).count == 2)
        #expect(try rolling(["b": 2], ["c": 2], atATime: 1).strategy == .flip)
    }

    private func overHosts(
        _ old: [String: Int], _ new: [String: Int], atATime: Int, hosts: [String] = ["web-1", "web-2"],
        skips: Set<String> = []
    ) throws -> (road: RolloutRoad, before: GenerationPlan) {
        func planned(_ number: Int, _ replicas: [String: Int], over old: GenerationPlan?) throws -> GenerationPlan {
            var spec = try plan(number, replicas).origin.spec
            spec.hosts = hosts.enumerated().map { HostSpec(name: $1, address: "10.0.0.\($0 + 1)") }
            spec.rollout = RolloutSpec(strategy: .rolling, rolling: RollingSpec(maxUnavailable: atATime))
            var planner = try PlanSamples.planner(spec)
            planner.skips = old == nil ? [] : skips
            return try planner.plan(number: number, current: old)
        }
        let before = try planned(1, old, over: nil)
        let next = try planned(2, new, over: before)
        return (RolloutRoad(plan: next, hasCurrent: true, before: before), before)
    }

    @Test("over hosts a part is the same on each, and the last of each host is there until there is no way back")
    func hosts() throws {
        let road = try overHosts(["a": 3, "b": 1], ["a": 3, "b": 1], atATime: 1).road
        #expect(
            words(road) == [
                "-a-web-1-1-g1,a-web-2-1-g1 +a-web-1-1-g2,a-web-2-1-g2",
                "-a-web-1-2-g1,a-web-2-2-g1 +a-web-1-2-g2,a-web-2-2-g2",
            ])
        #expect(
            road.steps.map(\.rawValue).filter { !$0.contains(".") } == [
                "preflight", "stage", "start", "verify", "compare", "flip", "soak", "settle", "drain", "stop",
                "finalize", "prune",
            ])
        let two = try overHosts(["a": 4], ["a": 2], atATime: 2, hosts: ["web-1", "web-2"]).road
        #expect(
            words(two) == [
                "-a-web-1-1-g1,a-web-1-2-g1,a-web-2-1-g1,a-web-2-2-g1 +a-web-1-1-g2,a-web-1-2-g2,a-web-2-1-g2,a-web-2-2-g2",
                "-a-web-1-3-g1,a-web-2-3-g1 +",
            ])
        // With one of each there is nothing to take away before: a flip.
        #expect(try overHosts(["a": 1], ["a": 1], atATime: 1).road.strategy == .flip)
    }

    @Test("a host that is left behind has nothing to give, and nothing is awaited of it")
    func leftBehind() throws {
        let (road, before) = try overHosts(["a": 2], ["a": 2], atATime: 1, skips: ["web-2"])
        #expect(words(road) == ["-a-web-1-1-g1 +a-web-1-1-g2"])
        let there = try PlanSamples.ready(before.slice(for: "web-1"))
        #expect(road.obstacle(to: 1, in: there, before: before) == nil)
        #expect(road.obstacle(to: 1, in: [], before: before) == "a-web-1-2-g1 does not run")
    }

    @Test("cut over hosts, those that came before get their share again before anybody else goes")
    func resumedOverHosts() throws {
        let road = try overHosts(["a": 4], ["a": 4], atATime: 1).road
        for (step, next) in [
            ("retire.1", "retire.1"), ("share.1", "retire.1"), ("retire.2", "start.1"), ("share.3", "start.2"),
            ("flip", "start.2"),
        ] {
            let place = RolloutPlace(step: try #require(RolloutStep(rawValue: step)), serves: false, mayServe: false)
            #expect(place.next(on: road).rawValue == next, "\(step)")
        }
    }

    @Test("a part waits for everybody who is to stay")
    func obstacle() throws {
        let before = try plan(1, ["a": 3])
        let next = try plan(2, ["a": 3], RolloutSpec(strategy: .rolling), over: before)
        let road = RolloutRoad(plan: next, hasCurrent: true, before: before)
        let (old, new) = (try PlanSamples.ready(before), try PlanSamples.ready(next))
        #expect(road.obstacle(to: 1, in: old, before: before) == nil)
        // The first is sick, but it is the one that goes.
        var sick = old
        (sick[0].ready, sick[0].state, sick[0].reason) = (false, .unfit, "no answer")
        #expect(road.obstacle(to: 1, in: sick, before: before) == nil)
        #expect(road.obstacle(to: 2, in: [new[0], old[2]], before: before) == nil)
        #expect(road.obstacle(to: 2, in: [old[2]], before: before) == "a-1-g2 does not run")
        #expect(road.obstacle(to: 1, in: [old[0], old[1]], before: before) == "a-3-g1 does not run")
        (sick[2].ready, sick[2].state, sick[2].reason) = (false, .unfit, "no answer")
        #expect(road.obstacle(to: 2, in: [new[0], sick[2]], before: before) == "a-3-g1 is unfit: no answer")
    }

    @Test("what the journal says is read again, and nothing else is")
    func journal() throws {
        let steps = try rolling(["a": 3], ["a": 3], atATime: 1)
        for step in steps.steps + steps.back + [.watch] { #expect(RolloutStep(rawValue: step.rawValue) == step) }
        for odd in ["", "retire", "retire.", "retire.0", "retire.-1", "retire.1.2", "flip.1", "part"] {
            #expect(RolloutStep(rawValue: odd) == nil, "\(odd)")
        }
        #expect(Set((steps.steps + steps.back).map(\.words)).count == (steps.steps + steps.back).count)
    }
}

@Suite("RolloutMachine, canary and rolling")
struct RolloutStrategyTests {
    private let ready: [InstanceStatus]

    init() throws { ready = try PlanSamples.ready(PlanSamples.generation(2, over: PlanSamples.generation())) }

    private func machine(_ rollout: RolloutSpec, from place: RolloutPlace? = nil) throws -> RolloutMachine {
        let before = try PlanSamples.generation()
        let plan = try PlanSamples.planner(PlanSamples.spec { $0.rollout = rollout }).plan(number: 2, current: before)
        return RolloutMachine(plan: plan, current: 1, before: before, from: place)
    }

    private func machine(_ strategy: RolloutSpec.Strategy, until last: String) throws -> RolloutMachine {
        let canary = strategy == .canary ? CanaryRolloutSpec(size: .instances(1)) : nil
        var machine = try machine(RolloutSpec(strategy: strategy, canary: canary))
        _ = machine.handle(.begin)
        for time in 0..<400 {
            guard let step = machine.step, step.rawValue != last else { break }
            _ = machine.handle(.observed(ready, at: Seconds(Double(time * 10))))
            _ = machine.handle(.done(step))
        }
        return machine
    }

    private func back(_ machine: RolloutMachine) -> [String] {
        var machine = machine
        var steps: [String] = []
        while let step = machine.step {
            steps.append(step.rawValue)
            _ = machine.handle(.done(step))
        }
        return steps
    }

    @Test("a canary that is worse goes back at once, and only while it has traffic")
    func canaryWorse() throws {
        for (step, turns) in [("verify.1", false), ("watch", true), ("verify", true), ("soak", true)] {
            var machine = try machine(.canary, until: step)
            #expect(machine.handle(.worse("5 of 100 calls fail")).isEmpty != turns, "\(step)")
            if turns { #expect(back(machine) == ["flipBack", "takeAway", "finalizeUndone"], "\(step)") }
        }
    }

    @Test("the canary alone is judged while the rest is not there")
    func canaryAlone() throws {
        var machine = try machine(.canary, until: "verify.1")
        #expect(machine.handle(.observed([], at: 1)).isEmpty)
        #expect(machine.handle(.observed([ready[0]], at: 2)) == [.perform(.part(1, .compare))])
    }

    @Test("a rolling update gives back part by part what it took, the last first")
    func rollingBack() throws {
        var machine = try machine(.rolling, until: "start.2")
        _ = machine.handle(.failed(.part(2, .start), "no room"))
        #expect(
            back(machine) == [
                "restore.2", "withdraw.2", "restore.1", "withdraw.1", "flipBack", "takeAway", "finalizeUndone",
            ])
        machine = try self.machine(.rolling, until: "stage")
        _ = machine.handle(.failed(.stage, "no database"))
        #expect(back(machine) == ["takeAway", "finalizeUndone"])
    }

    @Test(
        "cut in a part, it goes on with that part; on its way back with what is left of it",
        arguments: [
            ("stage", ["stage", "retire.1"]), ("retire.2", ["retire.2", "start.2"]), ("share.2", ["retire.2"]),
            ("compare", ["retire.3", "start.3"]), ("flip", ["retire.3"]),
            ("restore.2", ["restore.2", "withdraw.2", "restore.1"]), ("takeAway", ["flipBack", "takeAway"]),
        ])
    func resumed(step: String, first: [String]) throws {
        let place = RolloutPlace(step: try #require(RolloutStep(rawValue: step)), serves: false, mayServe: false)
        var machine = try machine(RolloutSpec(strategy: .rolling), from: place)
        var steps: [String] = []
        var actions = machine.handle(.begin)
        while steps.count < first.count, case .perform(let step)? = actions.first {
            steps.append(step.rawValue)
            actions = machine.handle(.done(step))
        }
        #expect(steps == first)
    }
}
