import Fleet
import Testing

@testable import Planning

@Suite("A generation over several hosts")
struct HostSliceTests {
    private func planner(_ hosts: [String], pools: [PoolSpec]? = nil) throws -> GenerationPlanner {
        var planner = try PlanSamples.planner()
        planner.spec.hosts = hosts.enumerated().map { HostSpec(name: $1, address: "10.0.\($0 / 200).\($0 % 200 + 1)") }
        if let pools { planner.spec.pools = pools }
        return planner
    }

    @Test("every host has every replica of every pool, with its name in the instance's and the user's")
    func names() throws {
        let plan = try planner(["web-1", "web-2"]).plan(number: 3, current: nil)
        let one = try planner([]).plan(number: 3, current: nil)
        #expect(plan.instances.count == 2 * one.instances.count)
        #expect(Set(plan.instances.map(\.name)).count == plan.instances.count)
        for instance in plan.instances {
            #expect(instance.name == "\(instance.pool)-\(instance.host)-\(instance.slot)-g3")
            #expect(instance.proof.map { $0.user.hasSuffix("." + instance.name) } ?? true)
        }
        // Ports are a host's own: the same on each.
        #expect(Set(plan.instances.map(\.port)) == Set(one.instances.map(\.port)))
    }

    @Test("a fleet of one host keeps its names and its ports, whatever the host is called")
    func oneHost() throws {
        #expect(
            try planner(["web-1"]).plan(number: 3, current: nil).instances.map(\.name)
                == planner([]).plan(number: 3, current: nil).instances.map(\.name))
    }

    @Test("slices are the whole again")
    func slices() throws {
        let plan = try planner(["web-1", "web-2", "web-3"]).plan(number: 3, current: nil)
        #expect(plan.hosts == ["web-1", "web-2", "web-3"])
        let slices = plan.hosts.map { plan.slice(for: $0) }
        #expect(slices.allSatisfy { Set($0.instances.map(\.host)).count == 1 && $0.wish == plan.wish })
        #expect(GenerationPlan(whole: slices) == plan)
        #expect(GenerationPlan(whole: []) == nil)
    }

    @Test("names that would be the same for two instances are refused")
    func clash() throws {
        let pools = ["a-b", "a"].map {
            PoolSpec(
                name: $0, replicas: 1, databases: [DatabaseGrant(database: "shop", role: "read")], scope: "mcp:\($0)")
        }
        #expect(throws: Failure.self) { try planner(["c", "b-c"], pools: pools).plan(number: 1, current: nil) }
    }

    @Test("one thousand instances on a hundred hosts: each host has its slice, and all slices are the plan")
    func many() throws {
        let shop = DatabaseGrant(database: "shop", role: "read")
        let pool = PoolSpec(name: "analytics", replicas: 10, databases: [shop], scope: "mcp:analytics")
        let planner = try planner((1...100).map { "host-\($0)" }, pools: [pool])
        let plan = try planner.plan(number: 1, current: nil)
        #expect(plan.instances.count == 1000)
        #expect(GenerationPlan(whole: plan.hosts.map { plan.slice(for: $0) }) == plan)
    }

    @Test("a share lapses to whoever serves beside it, by the same rule")
    func lapseOfShare() {
        let share = FlipTrial(generation: 2, from: 1, patience: 6)
        #expect(share.lapse(heard: 0, now: 5) == nil)
        #expect(share.lapse(heard: 0, now: 6) == .goBack(1))
        #expect(share.lapse(heard: nil, now: 0) == .goBack(1))
    }

    @Test("without a word it goes back; sealed, it serves nobody; a new supervisor has heard nothing")
    func lapse() {
        var trial = FlipTrial(generation: 2, from: 1, patience: 6)
        #expect(trial.lapse(heard: 10, now: 15.9) == nil)
        #expect(trial.lapse(heard: 10, now: 16) == .goBack(1))
        #expect(trial.lapse(heard: nil, now: 10) == .goBack(1))
        trial.isSealed = true
        #expect(trial.lapse(heard: 10, now: 15) == nil)
        #expect(trial.lapse(heard: 10, now: 16) == .shut)
        #expect(trial.lapse(heard: nil, now: 10) == .shut)
        trial.isShut = true
        #expect(trial.lapse(heard: nil, now: 10) == nil)
    }
}
