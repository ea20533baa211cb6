import Fleet
import Testing

@testable import Planning

@Suite("GenerationPlanner")
struct GenerationPlannerTests {
    private func wish(_ change: (inout FleetSpec) -> Void) throws -> Digest {
        try PlanSamples.planner(PlanSamples.spec(change)).wish()
    }

    @Test("the same wish gives the same plan, byte for byte")
    func deterministic() throws {
        let texts = try (0..<5).map { _ in try StableJSON.text(PlanSamples.generation(4)) }
        #expect(Set(texts).count == 1)
    }

    @Test("names, ports, files and templates of an instance")
    func instance() throws {
        let plan = try PlanSamples.generation(2, over: PlanSamples.generation())
        let instance = try #require(plan.instances.last)
        #expect(instance.name == "analytics-3-g2")
        #expect(plan.colour == .b)
        #expect(instance.port == 42005 && instance.siblingPort == 42004)
        #expect(instance.launch.arguments == ["-I", "--port", "42005"])
        let home = "/fleet/var/lib/convoy/instances/analytics-3-g2"
        #expect(instance.launch.environment == ["LANG": "C.UTF-8", "HOME": home + "/state", "READ_ONLY": "yes"])
        #expect(instance.launch.secretsFile == home + "/secrets.json")
        #expect(instance.probe.liveness == "http://127.0.0.1:42005/live")
        #expect(instance.probe.canary?.contains == ["shop"])
        #expect(instance.proof?.user == "convoy-shop.analytics-3-g2")
    }

    @Test("users of one fleet are never taken for those of another whose name begins alike")
    func userNames() {
        let other = InstanceUser.name(fleet: "shop-eu", instance: "analytics-1-g1")
        #expect(!other.hasPrefix(InstanceUser.prefix(fleet: "shop")))
        #expect(other != InstanceUser.name(fleet: "shop", instance: "eu-analytics-1-g1"))
    }

    @Test("whatever instances notice makes another wish")
    func noticed() throws {
        let before = try wish { _ in }
        let office = [try AddressBlock(parsing: "10.0.0.0/8")]
        var profile = PlanSamples.profile
        profile.start.arguments.append("--quiet")
        let others = [
            try wish { $0.server.settings["limit"] = .integer(3) },
            try wish { $0.pools[0].replicas = 2 },
            try wish { $0.pools[0].databases[0].role = "ordersReader" },
            try wish { $0.pools[0].scope = "mcp:other" },
            try wish { $0.pools[0].tools = ToolRule(.deny, ["export"]) },
            try wish { $0.pools[0].clients = office },
            try wish { $0.pools[0].limits = LimitsSpec(body: 1000) },
            try wish { $0.pools[0].resources = ResourcesSpec(memory: 512 << 20) },
            try wish { $0.server.resources = ResourcesSpec(cpu: 50) },
            try wish { $0.edge.listen.port = 9443 },
            try wish { $0.health.interval = 9 },
            try wish { $0.database?.uri = "mongodb://db1/" },
            try PlanSamples.planner(profile: profile).wish(),
            try PlanSamples.planner(digest: "b").wish(),
        ]
        for other in others { #expect(other != before) }
        #expect(Set(others).count == others.count)
    }

    @Test("how a rollout paces itself and where the admin's file is make no other wish")
    func unnoticed() throws {
        let before = try wish { _ in }
        #expect(try wish { $0.rollout.bake = 1 } == before)
        #expect(try wish { $0.database?.adminFile = "elsewhere" } == before)
        #expect(try wish { $0.server.constraints = ["a==1"] } == before)
        #expect(try PlanSamples.generation(7).wish == before)
    }

    @Test("what a pool's clients may do goes with the plan, and who makes the ids of sessions")
    func poolRules() throws {
        let clients = [try AddressBlock(parsing: "10.0.0.0/8")]
        let limits = LimitsSpec(rate: RateLimit(perSecond: 5, burst: 10), body: 1_000_000)
        let spec = PlanSamples.spec {
            $0.pools[0].tools = ToolRule(.allow, ["find"])
            $0.pools[0].clients = clients
            $0.pools[0].limits = limits
        }
        var profile = PlanSamples.profile
        profile.http.sessions = .external
        let pool = try PlanSamples.planner(spec, profile: profile).plan(number: 1, current: nil).pools[0]
        #expect(pool.tools == ToolRule(.allow, ["find"]) && pool.clients == clients && pool.limits == limits)
        #expect(pool.sessionsAreExternal)
        #expect(try PlanSamples.generation().pools.allSatisfy { !$0.sessionsAreExternal && $0.tools == nil })
    }

    @Test("a canary that names a setting that is not there is a bad spec")
    func badTemplate() throws {
        var profile = PlanSamples.profile
        profile.start.arguments = ["{{setting.nowhere}}"]
        #expect(throws: Failure.self) { try PlanSamples.planner(profile: profile).plan(number: 1, current: nil) }
    }
}

@Suite("ChangePlan")
struct ChangePlanTests {
    private func plan(
        _ spec: FleetSpec = PlanSamples.spec(), current: GenerationPlan? = nil, cut: GenerationPlan? = nil,
        running: FleetStatus? = nil, isLocked: Bool = true
    ) throws -> [String] {
        let locked = LockedRelease(
            reference: spec.server.release, constraints: [], platform: "", packages: [],
            digest: try PlanSamples.digest())
        return ChangePlan(
            spec: spec, profile: PlanSamples.profile, locked: isLocked ? locked : nil,
            wish: isLocked ? try PlanSamples.planner(spec).wish() : nil, current: current, cut: cut, running: running
        ).changes.map { "\($0.kind) \($0.subject): \($0.detail)" }
    }

    private func running(_ plan: GenerationPlan, _ change: (inout FleetStatus) -> Void = { _ in }) throws -> FleetStatus
    {
        var status = FleetStatus(
            fleet: "shop", generation: plan.number, release: plan.release, converged: true,
            instances: try PlanSamples.ready(plan), edge: EdgeStatus(url: "", state: .up),
            gate: GateStatus(state: .up), supervisor: SupervisorStatus(state: .up, pid: 1, version: "x"))
        change(&status)
        return status
    }

    @Test("the first up: lock, supervisor, pool, users, edge")
    func first() throws {
        let subjects = try plan(isLocked: false)
        #expect(
            subjects == [
                "add fleet.lock: resolve pypi:tiny@1.0.0 and lock it with hashes",
                "add supervisor: start it; it adopts what still runs",
                "add pool analytics: 3 instances of pypi:tiny@1.0.0",
                "add users of analytics: 3, each with read on shop", "add edge: serve http://127.0.0.1:8443",
            ])
    }

    @Test("a whole fleet as wished: nothing")
    func nothing() throws {
        let current = try PlanSamples.generation()
        #expect(try plan(current: current, running: running(current)).isEmpty)
    }

    @Test("a version, a replica count, a role: each is named, and the new generation")
    func changes() throws {
        let current = try PlanSamples.generation()
        let spec = PlanSamples.spec {
            $0.server.release.version = "1.1.0"
            $0.pools[0].replicas = 4
            $0.pools[0].databases[0].role = "ordersReader"
        }
        #expect(
            try plan(spec, current: current, running: running(current)) == [
                "change release: tiny 1.0.0 -> 1.1.0", "change pool analytics: 3 -> 4 instances",
                "change users of analytics: other roles",
                "add generation: a new one beside 1, one flip, then 1 goes",
            ])
    }

    @Test("how it will go about it is said: who meets which version, and for how long")
    func strategies() throws {
        let current = try PlanSamples.generation()
        let cases: [(RolloutSpec, String)] = [
            (RolloutSpec(strategy: .canary), "a new one beside 1: 10% of all callers for 60s, then a flip"),
            (
                RolloutSpec(strategy: .canary, canary: CanaryRolloutSpec(size: .instances(1))),
                "a new one beside 1: 1 instance of each pool for 60s, then a flip"
            ),
            (
                RolloutSpec(strategy: .canary, canary: CanaryRolloutSpec(size: .share(0.025), time: 90)),
                "a new one beside 1: 2.5% of all callers for 90s, then a flip"
            ),
            (RolloutSpec(strategy: .rolling), "replaces 1, 1 of a pool at a time; new sessions meet both"),
        ]
        for (rollout, words) in cases {
            let spec = PlanSamples.spec {
                $0.server.release.version = "1.1.0"
                $0.rollout = rollout
            }
            let changes = try plan(spec, current: current, running: running(current))
            #expect(changes.last == "add generation: \(words)")
            #expect("+  generation  \(words)".count <= 80)
        }
    }

    @Test("a cut rollout and a sick instance are mended")
    func mended() throws {
        let current = try PlanSamples.generation()
        let cut = try PlanSamples.generation(2, over: current)
        let status = try running(current) {
            $0.instances[1].ready = false
            $0.instances[1].state = .unfit
            $0.instances[1].reason = "no proof: x"
        }
        #expect(
            try plan(current: current, cut: cut, running: status) == [
                "remove generation 2: left by a rollout that was cut", "mend analytics-2-g1: unfit: no proof: x",
            ])
    }
}
