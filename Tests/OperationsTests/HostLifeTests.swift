import Fleet
import Planning
import Ports
import Testing

@testable import Operations

@Suite("A host out of service", .timeLimit(.minutes(10)))
struct HostLifeTests {
    private let lab = TrafficLab()
    private var world: FakeWorld { lab.world }

    @Test("cordoned, it takes nobody new and keeps its sessions, also after a restart; uncordoned, it takes all")
    func cordon() async throws {
        let plan = try await lab.serving()
        let supervisor = try lab.supervisor()
        let reloads = world.edge.installs
        try await world.run { try await supervisor.cordon() }
        let shut = try lab.pool()
        #expect(shut.active == nil && shut.also == nil && shut.keeps == plan.colour)
        #expect(shut.sessions == ["a1", "a2", "a3"])
        #expect(world.edge.installs == reloads)
        lab.restart()
        try await lab.ready(1, 3)
        let report = try await world.until("taken over") { $0.status.gate.state == .up }
        #expect(report.life?.door == .cordoned && report.status.trafficShare.isEmpty && report.status.converged)
        #expect(try lab.pool().active == nil)
        let next = try lab.supervisor()
        try await world.run { try await next.uncordon(generation: 1) }
        #expect(try lab.pool().active == plan.colour && lab.pool().keeps == nil)
    }

    @Test("a drain waits for sessions that are in use, cuts what is left at its deadline, and stops nothing")
    func drain() async throws {
        let plan = try await lab.serving()
        let supervisor = try lab.supervisor()
        world.sessions.set("a1", 3)
        let draining = Task { try await supervisor.drain(deadline: 60) }
        await world.pass(20)
        #expect(try lab.pool().sessions.count == 3)
        #expect(try await world.run { try await supervisor.guests() } == 3)
        world.sessions.set("a1", 1)
        await world.pass(20)
        let report = try await world.run { try await draining.value }
        #expect(report == DrainReport(sessions: 3, ended: 2, moved: 0, cut: 1))
        let shut = try lab.pool()
        #expect(shut.active == nil && shut.sessions.isEmpty && shut.keeps == nil)
        for instance in plan.instances { #expect(world.machine.running(instance.name) != nil) }
        // Again, there is nothing to wait for.
        #expect(try await world.run { try await supervisor.drain(deadline: 60) } == DrainReport())
        lab.restart()
        try await lab.ready(1, 3)
        #expect(try lab.pool().sessions.isEmpty && lab.pool().active == nil)
    }

    @Test("sessions that any instance could serve end with the host: no other host knows them")
    func external() async throws {
        let supervisor = world.startSupervisor()
        var plan = try await Samples.staged(1, in: world)
        plan.pools[0].sessionsAreExternal = true
        let first = plan
        try await world.run { try await supervisor.begin(first) }
        try await lab.ready(1, 3)
        try await world.run { try await supervisor.flip(to: 1) }
        world.sessions.set(nil, 2)
        let report = try await world.run { try await supervisor.drain(deadline: 5) }
        #expect(report == DrainReport(sessions: 2, ended: 0, moved: 0, cut: 2))
    }

    @Test("uncordoned while it drains, the drain is over and all is as it was")
    func calledBack() async throws {
        _ = try await lab.serving()
        let supervisor = try lab.supervisor()
        world.sessions.set("a1", 1)
        let draining = Task { try await supervisor.drain(deadline: 600) }
        await world.pass(5)
        try await world.run { try await supervisor.uncordon(generation: 1) }
        await #expect(throws: Failure.self) { try await world.run { try await draining.value } }
        #expect(try lab.pool().active == .a)
    }

    @Test("it is uncordoned only as what the fleet serves, and with all of it fit")
    func refused() async throws {
        let plan = try await lab.serving()
        let supervisor = try lab.supervisor()
        try await world.run { try await supervisor.cordon() }
        await #expect(throws: Failure.self) { try await world.run { try await supervisor.uncordon(generation: 2) } }
        world.prober.answer { _ in .notReady }
        try await world.until("unfit") { report in report.status.instances.contains { !$0.ready } }
        await #expect(throws: Failure.self) { try await world.run { try await supervisor.uncordon(generation: 1) } }
        world.prober.answer { _ in .well }
        try await lab.ready(1, 3)
        try await world.run { try await supervisor.uncordon(generation: 1) }
        #expect(try lab.pool().active == plan.colour)
    }

    @Test("a rollout goes over a drained host: what it runs is exchanged, and it stays shut")
    func rollout() async throws {
        _ = try await lab.both()
        let supervisor = try lab.supervisor()
        world.sessions.set("a1", 4)
        _ = try await world.run { try await supervisor.drain(deadline: 0) }
        try await world.run { try await supervisor.flip(to: 2) }
        let began = world.time.now
        // Its sessions are nobody's any more.
        _ = try await world.run { try await supervisor.retire(1, only: nil, drain: 300) }
        #expect(world.time.now - began < 30)
        #expect(try lab.pool().active == nil)
        try await world.run { try await supervisor.uncordon(generation: 2) }
        #expect(try lab.pool().active == .b)
    }

    @Test("left behind, it serves nobody over every restart, until it is welcomed as what the fleet serves")
    func behind() async throws {
        _ = try await lab.serving()
        let supervisor = try lab.supervisor()
        try await world.run { try await supervisor.leave(rollout: 2) }
        #expect(try lab.pool().active == nil && lab.pool().sessions.isEmpty)
        lab.restart()
        try await lab.ready(1, 3)
        #expect(try lab.pool().active == nil && lab.pool().sessions.isEmpty)
        let next = try lab.supervisor()
        await #expect(throws: Failure.self) { try await world.run { try await next.uncordon(generation: 1) } }
        await #expect(throws: Failure.self) {
            try await world.run { try await next.welcome(generation: 2, upTo: 2) }
        }
        await #expect(throws: Failure.self) {
            try await world.run { try await next.welcome(generation: 1, upTo: 1) }
        }
        try await world.run { try await next.welcome(generation: 1, upTo: 2) }
        #expect(try lab.pool().active == .a)
        // What was said before its welcome, and comes late.
        try await world.run { try await next.leave(rollout: 2) }
        #expect(try lab.pool().active == .a)
    }

    @Test("it reads in the ledger that the fleet went on without it: before its edge opens, and within seconds")
    func ledger() async throws {
        _ = try await lab.serving()
        let named = [LeftHost(name: "local", by: 2, since: 1, at: 0), LeftHost(name: "web-9", by: 7, since: 1, at: 0)]
        world.hasLedger.withLock { $0 = true }
        // Away, it changes nothing.
        world.left.withLock { $0 = nil }
        lab.restart()
        try await lab.ready(1, 3)
        await world.pass(20)
        #expect(try lab.pool().active == .a)
        world.left.withLock { $0 = named }
        await world.pass(7)
        #expect(try lab.pool().active == nil)
        let supervisor = try lab.supervisor()
        try await world.run { try await supervisor.welcome(generation: 1, upTo: 2) }
        // What it reads may be older than its welcome.
        await world.pass(20)
        #expect(try lab.pool().active == .a)
        world.left.withLock { $0 = [LeftHost(name: "local", by: 3, since: 1, at: 0)] }
        world.killSupervisor()
        let next = world.startSupervisor()
        let report = try await world.run { try await next.status(newerThan: nil, timeout: 0) }
        #expect(report.life?.door == .behind && report.status.trafficShare.isEmpty)
    }

    @Test("on a full disk whoever tells it hears that it is not shut, and tells it again")
    func fullDisk() async throws {
        _ = try await lab.serving()
        let supervisor = try lab.supervisor()
        world.disk.fill(after: 0)
        await #expect(throws: (any Error).self) { try await world.run { try await supervisor.leave(rollout: 2) } }
        world.disk.makeRoom()
        try await world.run { try await supervisor.leave(rollout: 2) }
        #expect(try lab.pool().active == nil && lab.pool().sessions.isEmpty)
    }

    @Test("the only host of a fleet is shut by force alone, and the ledger tells it")
    func operators() async throws {
        let fleet = OperatorLab()
        _ = try await fleet.up()
        let operation = fleet.world.newOperator()
        let refusal = await #expect(throws: Failure.self) {
            try await fleet.world.run { try await operation.cordon("local", force: false) }
        }
        #expect(refusal?.why == "it is the fleet's only host")
        await #expect(throws: Failure.self) {
            try await fleet.world.run { try await operation.drain("web-9", deadline: 1, force: true) }
        }
        let change = try await fleet.world.run { try await operation.drain("local", deadline: 1, force: true) }
        #expect(change.door == .drained && change.changed && change.drained == DrainReport())
        // Nothing is done twice.
        #expect(try await fleet.world.run { try await operation.cordon("local", force: true) }.changed == false)
        // What is up is brought up to date, and stays shut.
        let next = fleet.world.newOperator(Samples.spec("2.0.0"))
        _ = try await fleet.world.run { try await next.rollout() }
        let open = try await fleet.world.run { try await operation.uncordon("local") }
        #expect(open.door == .open && open.changed)
        let verbs = try await fleet.world.ledger().audit.map(\.verb)
        #expect(verbs.filter { ["cordon", "drain", "uncordon"].contains($0) } == ["drain", "uncordon"])
    }
}
