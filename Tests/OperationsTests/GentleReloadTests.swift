import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// Before nginx is reloaded clients are asked to close their idle connections: the reload would close them.
@Suite("Reloads of the edge", .timeLimit(.minutes(5)))
struct GentleReloadTests {
    private let lab = TrafficLab()
    private var world: FakeWorld { lab.world }

    private var reloads: Int { world.machine.signals.count { $0 == "edge hup" } }

    /// The same generation with one more instance, whose user and files are in place.
    private func more(than old: GenerationPlan) async throws -> GenerationPlan {
        let fleet = world.newOperator(Samples.spec { $0.pools[0].replicas = 4 })
        let release = try await fleet.present(fleet.context.spec.server.release)
        let plan = try #require(try await fleet.planner(release).amended(old))
        var added = plan
        added.instances.removeAll { old.instances.contains($0) }
        try await fleet.credentials.create(for: added)
        return plan
    }

    init() { lab.world.closing.withLock { $0 = 1 } }

    @Test("a planned one: the gate has clients close theirs for a second, then nginx is told, then all is as before")
    func gentle() async throws {
        let old = try await lab.serving()
        let supervisor = try lab.supervisor()
        let plan = try await more(than: old)
        let before = reloads
        let beginning = Task { try await supervisor.begin(plan) }
        try await world.until("clients are asked") { _ in (try? lab.policy().closesConnections) == true }
        let asked = world.time.now
        #expect(reloads == before)
        try await world.until("nginx is told") { _ in reloads == before + 1 }
        #expect(world.time.now - asked >= 0.9)
        _ = try await world.run { try await beginning.value }
        try await world.until("as before") { _ in (try? lab.policy().closesConnections) == nil }
        #expect(try lab.pool().active == .a)
    }

    @Test("one that takes an instance out that may not serve waits for nobody")
    func urgent() async throws {
        let old = try await lab.serving()
        let before = reloads
        world.database[try #require(old.instances[0].proof?.user)]?.grants
            .insert(DatabaseGrant(database: "shop", role: "readWrite"))
        let wasAsked = Mutex(false)
        try await world.until("out of rotation") { _ in
            if (try? lab.policy().closesConnections) == true { wasAsked.withLock { $0 = true } }
            return !lab.isUp(old.instances[0]) && reloads > before
        }
        #expect(!wasAsked.withLock { $0 })
    }
}
