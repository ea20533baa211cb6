import Fleet
import Foundation
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

@Suite("FleetSupervisor", .timeLimit(.minutes(10)))
struct FleetSupervisorTests {
    private let world = FakeWorld()

    private func policy() throws -> GatePolicy {
        let text = try #require(world.disk[world.layout.gatePolicy])
        return try JSONDecoder().decode(GatePolicy.self, from: Data(text.utf8))
    }

    /// Generation 1 serves.
    private func serving() async throws -> (FleetSupervisor, GenerationPlan) {
        let supervisor = world.startSupervisor()
        let plan = try await Samples.staged(1, in: world)
        try await begin(plan, supervisor)
        try await world.run { try await supervisor.flip(to: 1) }
        try await world.until("converged") { $0.status.converged }
        return (supervisor, plan)
    }

    private func begin(_ plan: GenerationPlan, _ supervisor: FleetSupervisor) async throws {
        try await world.run { try await supervisor.begin(plan) }
        try await world.until("generation \(plan.number) ready") { report in
            let own = report.status.instances.filter { $0.generation == plan.number }
            return own.count == 3 && own.allSatisfy(\.ready)
        }
    }

    private func user(_ instance: String) -> String { "convoy-shop." + instance }

    @Test("a generation that was begun gets ready but no traffic; the flip gives it all")
    func beginAndFlip() async throws {
        let (_, plan) = try await serving()
        let policy = try policy()
        #expect(policy.pools.map(\.active) == [plan.colour])
        #expect(policy.pools.first?.sessions == ["a1", "a2", "a3"])
        #expect(world.machine.appliedPolicy == policy.revision)
        #expect(world.machine.ids == ["analytics-1-g1", "analytics-2-g1", "analytics-3-g1", "edge", "gate"])
        #expect(world.sockets.held == Set(plan.instances.map(\.siblingPort)))
    }

    @Test("a pool's rules are in the policy, and that its servers compare headers once they say their era")
    func poolRules() async throws {
        let supervisor = world.startSupervisor()
        var plan = try await Samples.staged(1, in: world)
        plan.pools[0].tools = ToolRule(.allow, ["find"])
        plan.pools[0].clients = [try AddressBlock(parsing: "10.0.0.0/8")]
        plan.pools[0].limits = LimitsSpec(rate: RateLimit(perSecond: 5, burst: 10), body: 1000)
        try await begin(plan, supervisor)
        #expect(try policy().pools.first?.comparesHeaders == false, "nobody serves yet")
        try await world.run { try await supervisor.flip(to: 1) }
        let pool = try #require(try policy().pools.first)
        #expect(pool.tools == ToolRule(.allow, ["find"]) && pool.comparesHeaders)
        #expect(pool.clients?.map(\.text) == ["10.0.0.0/8"])
        #expect(pool.rate == RateLimit(perSecond: 5, burst: 10))
        #expect(!pool.sessionsAreExternal)
    }

    @Test("before the flip nobody is let in")
    func beforeFlip() async throws {
        let supervisor = world.startSupervisor()
        try await begin(try await Samples.staged(1, in: world), supervisor)
        #expect(try policy().pools.map(\.active) == [nil])
    }

    @Test("begin again is nothing; another plan of the same number is refused")
    func beginAgain() async throws {
        let (supervisor, plan) = try await serving()
        let starts = world.machine.starts
        try await world.run { try await supervisor.begin(plan) }
        #expect(world.machine.starts == starts)
        var other = plan
        other.logs.keep += 1
        let changed = other
        #expect(try await failure { try await supervisor.begin(changed) }.why.contains("another plan"))
    }

    @Test("a rollout's flip changes the gate's policy only: nginx is not touched")
    func flipWithoutReload() async throws {
        let (supervisor, plan) = try await serving()
        let next = try await Samples.staged(2, in: world, over: plan, version: "2.0.0")
        try await begin(next, supervisor)
        let installs = world.edge.installs
        try await world.run { try await supervisor.flip(to: 2) }
        #expect(world.edge.installs == installs)
        #expect(try policy().pools.map(\.active) == [next.colour])
        #expect(try policy().pools.first?.sessions == ["a1", "a2", "a3", "b1", "b2", "b3"])
    }

    @Test("a flip to a generation with one unfit instance is refused and changes nothing")
    func flipRefused() async throws {
        let (supervisor, plan) = try await serving()
        world.prober.answer { $0.endpoint.contains(":42003/") ? .notReady : .well }
        let next = try await Samples.staged(2, in: world, over: plan, version: "2.0.0")
        try await world.run { try await supervisor.begin(next) }
        try await world.until("two of three") { $0.status.instances.count { $0.generation == 2 && $0.ready } == 2 }
        let before = try policy()
        let refusal = try await failure { try await world.run { try await supervisor.flip(to: 2) } }
        #expect(refusal.why == "analytics-2-g2 is not ready and proved")
        #expect(try policy() == before)
    }

    @Test("a flip that the gate does not confirm is taken back")
    func deafGate() async throws {
        let (supervisor, plan) = try await serving()
        let next = try await Samples.staged(2, in: world, over: plan, version: "2.0.0")
        try await begin(next, supervisor)
        world.machine.makeGateDeaf(true)
        let refusal = try await failure { try await world.run { try await supervisor.flip(to: 2) } }
        #expect(refusal.what == "the gate did not take the new policy")
        world.machine.makeGateDeaf(false)
        try await world.run { try await supervisor.check() }
        #expect(try policy().pools.map(\.active) == [plan.colour])
        try await world.until("served by 1") { $0.status.generation == 1 }
    }

    @Test("an edge configuration that nginx refuses leaves nothing begun")
    func badEdge() async throws {
        let supervisor = world.startSupervisor()
        let plan = try await Samples.staged(1, in: world)
        world.edge.refuse(Failure(.badSpec, "nginx says no", because: "unknown directive", next: ""))
        let refusal = try await failure { try await world.run { try await supervisor.begin(plan) } }
        #expect(refusal.what == "nginx says no")
        #expect(world.machine.ids.isEmpty)
        #expect(try FakeFiles(disk: world.disk).list(world.layout.generations).isEmpty)
        world.edge.refuse(nil)
        try await begin(plan, supervisor)
    }

    @Test("a port that somebody else has is told before anything starts")
    func occupied() async throws {
        let supervisor = world.startSupervisor()
        let plan = try await Samples.staged(1, in: world)
        world.sockets.occupy(42002, by: "postgres (pid 9)")
        let refusal = try await failure { try await world.run { try await supervisor.begin(plan) } }
        #expect(refusal.why == "port 42002 is taken by postgres (pid 9)")
        #expect(world.machine.starts.isEmpty)
    }

    @Test("a killed instance is started again at once, without a reload")
    func killed() async throws {
        _ = try await serving()
        let installs = world.edge.installs
        world.machine.kill("analytics-2-g1")
        let report = try await world.until("restarted") { report in
            report.status.converged && report.status.instances.contains { $0.restarts == 1 }
        }
        #expect(report.status.instances.map(\.restarts) == [0, 1, 0])
        #expect(world.edge.installs == installs)
    }

    @Test("a death seen before its start returned is not lost")
    func earlyDeath() async throws {
        let supervisor = world.startSupervisor()
        world.machine.dieEarly("analytics-1-g1")
        try await begin(try await Samples.staged(1, in: world), supervisor)
        #expect(world.machine.starts.count { $0 == "analytics-1-g1" } == 2)
    }

    @Test("a user that got more rights takes its instance out of rotation; corrected, it is back")
    func refuted() async throws {
        let (supervisor, plan) = try await serving()
        let name = user("analytics-2-g1")
        let port = plan.instances[1].port
        world.database[name]?.grants.insert(DatabaseGrant(database: "shop", role: "readWrite"))
        try await world.run { try await supervisor.check() }
        let report = try await world.until("out") { !$0.status.instances[1].ready }
        #expect(report.status.instances[1].state == .unfit)
        #expect(report.status.instances[1].reason.contains("readWrite"))
        #expect(try policy().pools.first?.sessions == ["a1", "a3"])
        #expect(world.edge.upstream(port)?.hasSuffix("down;") == true, "\(world.edge.upstream(port) ?? "")")
        world.database[name]?.grants = [Samples.shop]
        try await world.until("back") { $0.status.converged }
        try await world.run { try await supervisor.check() }
        #expect(try policy().pools.first?.sessions == ["a1", "a2", "a3"])
        #expect(world.edge.upstream(port)?.hasSuffix("down;") == false)
        #expect(world.machine.running("analytics-2-g1") != nil)
        #expect(world.machine.starts.count { $0 == "analytics-2-g1" } == 1)
    }

    @Test("a refuted user's instance never starts")
    func refutedBeforeStart() async throws {
        let supervisor = world.startSupervisor()
        let plan = try await Samples.staged(1, in: world)
        world.database[user("analytics-1-g1")]?.grants.insert(DatabaseGrant(database: "shop", role: "readWrite"))
        try await world.run { try await supervisor.begin(plan) }
        let report = try await world.until("refused") { $0.status.instances[0].state == .refused }
        #expect(report.status.instances[0].reason.hasPrefix("no proof: "))
        #expect(!world.machine.starts.contains("analytics-1-g1"))
    }

    @Test("a release whose bytes changed is not started again, until it is mended and somebody asks")
    func brokenSeal() async throws {
        let (supervisor, _) = try await serving()
        world.seal.breakSeal(Failure(.failed, "cannot start tiny", because: "lib/x.py changed", next: ""))
        world.machine.kill("analytics-3-g1")
        let report = try await world.until("refused") { $0.status.instances[2].state == .refused }
        #expect(report.status.instances[2].reason.contains("lib/x.py changed"))
        world.seal.breakSeal(nil)
        try await world.run { try await supervisor.check() }
        try await world.until("mended") { $0.status.converged }
    }

    @Test("a new supervisor adopts all that runs, starts nothing and keeps everybody in rotation")
    func adopts() async throws {
        let (_, plan) = try await serving()
        let starts = world.machine.starts
        let installs = world.edge.installs
        for _ in 0..<5 {
            world.killSupervisor()
            world.startSupervisor()
            let report = try await world.until("converged again") { $0.status.converged }
            #expect(report.generations == [plan])
        }
        await world.pass(30)
        #expect(world.machine.starts == starts)
        #expect(world.edge.installs == installs)
        #expect(try policy().pools.first?.sessions == ["a1", "a2", "a3"])
        world.machine.kill("analytics-1-g1")
        try await world.until("restarted") { $0.status.converged && $0.status.instances[0].restarts == 1 }
    }

    @Test("after an upgrade the next supervisor renews the gate on its listener, and nobody else")
    func renews() async throws {
        _ = try await serving()
        let before = try #require(world.machine.running("gate"))
        let (starts, installs) = (world.machine.starts, world.edge.installs)
        world.outdated.withLock { $0 = [before.record] }
        world.killSupervisor()
        world.startSupervisor()
        try await world.until("another gate") { [world] report in
            world.machine.running("gate").map { $0.record != before.record } == true && report.status.converged
        }
        #expect(world.machine.running("gate")?.plan.listeners == before.plan.listeners)
        #expect(world.machine.starts == starts + ["gate"] && world.edge.installs == installs)
        #expect(try world.machine.appliedPolicy == policy().revision)
    }

    @Test("an older gate that does not end is killed after a while")
    func renewsStubborn() async throws {
        _ = try await serving()
        let before = try #require(world.machine.running("gate")).record
        world.machine.makeStubborn("gate")
        world.outdated.withLock { $0 = [before] }
        world.killSupervisor()
        world.startSupervisor()
        try await world.until("another gate") { [world] report in
            world.machine.running("gate").map { $0.record != before } == true && report.status.converged
        }
        #expect(world.machine.signals.contains("gate kill"))
    }

    @Test("what died while no supervisor was there is started by the next one")
    func diedMeanwhile() async throws {
        _ = try await serving()
        world.killSupervisor()
        for id in ["analytics-1-g1", "gate", "edge"] { world.machine.kill(id) }
        world.startSupervisor()
        try await world.until("whole") { $0.status.converged }
        #expect(world.machine.ids == ["analytics-1-g1", "analytics-2-g1", "analytics-3-g1", "edge", "gate"])
    }

    @Test("a retiring generation is drained for as long as it has calls, then stopped and forgotten")
    func retire() async throws {
        let (supervisor, plan) = try await serving()
        let next = try await Samples.staged(2, in: world, over: plan, version: "2.0.0")
        try await begin(next, supervisor)
        try await world.run { try await supervisor.flip(to: 2) }
        world.sockets.connect(1, to: plan.instances[0].port)
        let retiring = Task { try await supervisor.retire(1, drain: 300) }
        try await world.until("draining") { $0.status.instances.count { $0.state == .draining } == 3 }
        await world.pass(60)
        #expect(world.machine.running("analytics-1-g1") != nil)
        #expect(!world.machine.signals.contains { $0.hasPrefix("analytics") })
        world.sockets.connect(0, to: plan.instances[0].port)
        try await world.run { try await retiring.value }
        #expect(world.machine.ids == ["analytics-1-g2", "analytics-2-g2", "analytics-3-g2", "edge", "gate"])
        let files = try FakeFiles(disk: world.disk).list(world.layout.generations)
        #expect(files == ["2.plan.json", "active.json"])
        let report = try await world.until("converged") { $0.status.converged }
        #expect(report.generations == [next])
    }

    @Test("the generation that serves can't be retired")
    func retireServing() async throws {
        let (supervisor, _) = try await serving()
        #expect(try await failure { try await supervisor.retire(1, drain: 0) }.why == "it serves")
    }

    @Test("a supervisor killed while it retires goes on with it")
    func retireCut() async throws {
        let (supervisor, plan) = try await serving()
        let next = try await Samples.staged(2, in: world, over: plan, version: "2.0.0")
        try await begin(next, supervisor)
        try await world.run { try await supervisor.flip(to: 2) }
        world.sockets.connect(1, to: plan.instances[0].port)
        let retiring = Task { try? await supervisor.retire(1, drain: 300) }
        try await world.until("draining") { $0.status.instances.count { $0.state == .draining } == 3 }
        world.killSupervisor()
        world.startSupervisor()
        try await world.until("only the next") { $0.generations == [next] && $0.status.converged }
        retiring.cancel()
    }

    @Test("shutdown stops all; one that does not listen is killed after its deadline")
    func shutdown() async throws {
        let (supervisor, _) = try await serving()
        world.machine.makeStubborn("analytics-2-g1")
        let before = world.time.now
        try await world.run { try await supervisor.shutdown(drain: 5) }
        #expect(world.machine.ids.isEmpty)
        #expect(world.machine.signals.contains("analytics-2-g1 kill"))
        #expect(world.time.now - before >= 10)
        #expect(world.machine.signals.first { !$0.hasSuffix("hup") } == "edge quit")
    }

    @Test("a stop while a start is under way leaves no process")
    func stopDuringStart() async throws {
        let (supervisor, plan) = try await serving()
        let next = try await Samples.staged(2, in: world, over: plan, version: "2.0.0")
        for round in 0..<20 {
            try await world.run { try await supervisor.begin(next) }
            for _ in 0..<round { await Task.yield() }
            try await world.run { try await supervisor.retire(2, drain: 0) }
            #expect(world.machine.ids == ["analytics-1-g1", "analytics-2-g1", "analytics-3-g1", "edge", "gate"])
        }
    }

    @Test("a gate that dies is started again on the same listener")
    func gateDies() async throws {
        _ = try await serving()
        let listeners = try #require(world.machine.running("gate")?.plan.listeners)
        for _ in 0..<3 {
            world.machine.kill("gate")
            try await world.until("gate again") { [world] _ in world.machine.running("gate") != nil }
            #expect(world.machine.running("gate")?.plan.listeners == listeners)
        }
        #expect(world.sockets.listens == 1)
        try await world.until("converged") { $0.status.converged }
        #expect(try world.machine.appliedPolicy == policy().revision)
    }

    @Test("an edge that dies is started again")
    func edgeDies() async throws {
        _ = try await serving()
        world.machine.kill("edge")
        try await world.until("edge again") { $0.status.converged }
        #expect(world.machine.starts.count { $0 == "edge" } == 2)
    }

    @Test("busy instances stay where they are")
    func busy() async throws {
        _ = try await serving()
        world.prober.answer { _ in .busy }
        await world.pass(60)
        try await world.until("still converged") { $0.status.converged }
    }

    @Test("one that hangs leaves rotation, is killed and started again")
    func hangs() async throws {
        _ = try await serving()
        let started = world.machine
        world.prober.answer { plan in
            plan.endpoint.contains(":42000/") && started.starts.count { $0 == "analytics-1-g1" } == 1 ? .hanging : .well
        }
        try await world.until("out") { !$0.status.instances[0].ready }
        try await world.until("healed") { $0.status.converged && $0.status.instances[0].restarts == 1 }
        #expect(world.machine.signals.contains("analytics-1-g1 kill"))
    }

    @Test("a damaged generation file is kept and told, not guessed around")
    func damaged() async throws {
        _ = try await serving()
        world.killSupervisor()
        let path = world.layout.generations + "/1.plan.json"
        world.disk[path] = "{"
        #expect(throws: Failure.self) {
            try GenerationStore(files: FakeFiles(disk: world.disk), layout: world.layout).load()
        }
        #expect(world.disk[path] == "{")
    }

    @Test("the status says everything that is known of an instance")
    func status() async throws {
        let (_, plan) = try await serving()
        await world.pass(30)
        let report = try await world.until("converged") { $0.status.converged }
        let first = try #require(report.status.instances.first)
        #expect(first.name == "analytics-1-g1" && first.state == .serving && first.port == 42000)
        #expect(first.version == "1.0.0" && first.digest == plan.release.digest)
        #expect(first.databaseUser == user("analytics-1-g1"))
        #expect(first.proof?.verdict == .proved)
        #expect(try #require(first.uptimeSeconds) >= 29)
        let tools = try digest("d")
        #expect(first.eras == [.modern] && first.toolsDigest == tools)
        #expect(report.status.edge == EdgeStatus(url: "http://127.0.0.1:8443", state: .up))
        #expect(report.status.fleet == "shop")
    }
}
