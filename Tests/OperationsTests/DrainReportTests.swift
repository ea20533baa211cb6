import Fleet
import Planning
import Ports
import Testing

@testable import Operations

@Suite("What becomes of sessions in a drain", .timeLimit(.minutes(10)))
struct DrainReportTests {
    private let lab = TrafficLab()
    private var world: FakeWorld { lab.world }

    private func flipped() async throws -> (FleetSupervisor, GenerationPlan) {
        let (old, _) = try await lab.both()
        let supervisor = try lab.supervisor()
        try await world.run { try await supervisor.flip(to: 2) }
        return (supervisor, old)
    }

    @Test("a session between two calls has no connection, and is waited for all the same")
    func waits() async throws {
        let (supervisor, old) = try await flipped()
        world.sessions.set("a1", 2)
        world.sessions.set("b1", 7)
        let retiring = Task { try await supervisor.retire(1, only: nil, drain: 300) }
        await world.pass(60)
        #expect(world.machine.running(old.instances[0].name) != nil)
        world.sessions.set("a1", 0)
        let report = try await world.run { try await retiring.value }
        #expect(report == DrainReport(sessions: 2, ended: 2))
        #expect(report.words == "2 sessions: 2 ended, 0 moved, 0 cut")
    }

    @Test("sessions still in use at the end of the drain are cut, not before, and calls under way are told")
    func cuts() async throws {
        let (supervisor, old) = try await flipped()
        world.sessions.set("a1", 3)
        world.sessions.set("a3", 1)
        world.sockets.connect(2, to: old.instances[0].port)
        let begun = world.time.now
        let retiring = Task { try await supervisor.retire(1, only: nil, drain: 30) }
        await world.pass(10)
        world.sessions.set("a1", 1)
        let report = try await world.run { try await retiring.value }
        #expect(report == DrainReport(sessions: 4, ended: 2, moved: 0, cut: 2, callsCut: 2))
        #expect(world.time.now - begun >= 30)
    }

    @Test("sessions that any instance can serve have all moved, and are not waited for")
    func moves() async throws {
        let supervisor = world.startSupervisor()
        var first = try await Samples.staged(1, in: world)
        first.pools[0].sessionsAreExternal = true
        let old = first
        try await world.run { try await supervisor.begin(old) }
        try await lab.ready(1, 3)
        try await world.run { try await supervisor.flip(to: 1) }
        let new = try await Samples.staged(2, in: world, over: old, version: "2.0.0")
        try await world.run { try await supervisor.begin(new) }
        try await lab.ready(2, 3)
        world.sessions.set(nil, 5)
        let undone = try await world.run { try await supervisor.retire(2, only: nil, drain: 300) }
        #expect(undone == DrainReport(), "it never had any")
        try await world.run { try await supervisor.begin(new) }
        try await lab.ready(2, 3)
        try await world.run { try await supervisor.flip(to: 2) }
        let begun = world.time.now
        let report = try await world.run { try await supervisor.retire(1, only: nil, drain: 300) }
        #expect(report == DrainReport(sessions: 5, moved: 5))
        #expect(world.time.now - begun < 30)
    }

    @Test("of one instance only its own sessions count")
    func one() async throws {
        let old = try await lab.serving()
        let supervisor = try lab.supervisor()
        world.sessions.set("a1", 4)
        world.sessions.set("a2", 1)
        let name = old.instances[1].name
        let report = try await world.run { try await supervisor.retire(1, only: [name], drain: 1) }
        #expect(report == DrainReport(sessions: 1, cut: 1))
    }

    @Test("an operator is told what became of them")
    func told() async throws {
        let lab = OperatorLab()
        _ = try await lab.up()
        lab.world.sessions.set("a1", 2)
        _ = try await lab.up("2.0.0")
        let log = lab.world.log.withLock { $0 }
        #expect(log.contains("generation 1 is gone; 2 sessions: 0 ended, 0 moved, 2 cut"), "\(log.suffix(5))")
    }
}
