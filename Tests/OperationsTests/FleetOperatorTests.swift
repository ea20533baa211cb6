import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

@Suite("FleetOperator", .timeLimit(.minutes(10)))
struct FleetOperatorTests {
    private let lab = OperatorLab()
    private var world: FakeWorld { lab.world }

    @Test("the first up brings up everything")
    func first() async throws {
        guard case .converged(1, nil, let stamp, nil) = try await lab.up() else {
            Issue.record("not converged")
            return
        }
        #expect(stamp.version == "1.0.0")
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("up again changes nothing: no generation, no user, no process, no reload")
    func again() async throws {
        _ = try await lab.up()
        let users = world.database.users.map { world.database[$0] }
        let starts = world.machine.starts
        let installs = world.edge.installs
        #expect(try await lab.up() == .unchanged(corrected: []))
        #expect(world.machine.starts == starts)
        #expect(world.edge.installs == installs)
        #expect(world.database.users.map { world.database[$0] } == users)
        #expect(world.shelf.resolved.withLock(\.count) == 1)
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("up corrects a user that somebody gave more rights, and names it")
    func corrected() async throws {
        _ = try await lab.up()
        let user = "convoy-shop.analytics-2-g1"
        world.database[user]?.grants.insert(DatabaseGrant(database: "shop", role: "readWrite"))
        try await world.until("benched") { !$0.status.instances.allSatisfy(\.ready) }
        #expect(try await lab.up() == .unchanged(corrected: [user]))
        #expect(world.database[user]?.grants == [Samples.shop])
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("users go with their generation, even when the next one needs no database")
    func withoutDatabase() async throws {
        _ = try await lab.up()
        #expect(world.database.users.count == 3)
        var profile = Samples.profile
        profile.needsDatabase = false
        profile.start.secrets = [:]
        profile.canary = CanarySpec(tool: "list")
        let fleet = world.newOperator(Samples.spec("2.0.0") { $0.pools[0].databases = [] }, profile: profile)
        _ = try await world.run { try await fleet.up() }
        #expect(world.database.users.isEmpty)
    }

    @Test("a rollout replaces everything by the next generation, whose ports are the siblings'")
    func rollout() async throws {
        _ = try await lab.up()
        let before = try #require(try await world.ledger().current)
        let fleet = world.newOperator(Samples.spec("2.0.0"))
        _ = try await world.run { try await fleet.rollout() }
        try await lab.expectOnly(2, version: "2.0.0")
        let record = try await world.ledger()
        #expect(record.previous == before)
        #expect(record.current?.instances.map(\.port) == before.instances.map(\.siblingPort))
    }

    @Test("a rollout whose canary fails is undone: the old serves, only the number is used up")
    func rolloutFails() async throws {
        _ = try await lab.up()
        let before = try await world.ledger()
        let restarts = world.machine.starts
        world.prober.answer { $0.expectedVersion == "2.0.0" ? .wrong("Access denied") : .well }
        let fleet = world.newOperator(Samples.spec("2.0.0"))
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.code == .failed)
        #expect(refusal.why.contains("Access denied"), "\(refusal)")
        #expect(refusal.what.contains("generation 1 (1.0.0) served throughout"))
        try await lab.expectOnly(1, version: "1.0.0")
        var after = try await world.ledger()
        #expect(after.nextGeneration == 3)
        #expect(after.rollout?.state == .undone)
        #expect(after.rollout?.reason.contains("Access denied") == true)
        after.nextGeneration = before.nextGeneration
        after.audit = before.audit
        after.rollout = before.rollout
        #expect(after == before)
        #expect(world.machine.starts.prefix(restarts.count) == restarts[...])
    }

    @Test("a supervisor of another version, whose status can't be read, stops it within seconds; nothing is left")
    func foreignSupervisor() async throws {
        let began = world.time.now
        world.isForeign.withLock { $0 = true }
        let refusal = try await failure { _ = try await lab.up() }
        #expect(refusal.code == .failed && refusal.why.contains("can't be read; restart it"), "\(refusal)")
        #expect(world.time.now - began < 10)
        #expect(!world.machine.ids.contains { $0.hasPrefix("analytics") } && world.database.users.isEmpty)
        world.isForeign.withLock { $0 = false }
        _ = try await lab.up()
        try await lab.expectOnly(0, version: "1.0.0")
    }

    @Test("a plan names changed bounds of instances, from what to what, and a new generation for them")
    func resources() async throws {
        _ = try await lab.up()
        let fleet = world.newOperator(
            Samples.spec { $0.server.resources = ResourcesSpec(memory: 512 << 20, tasks: 99, cpu: 150) })
        let plan = try await world.run { try await fleet.plan() }
        #expect(plan.changes.map(\.detail).contains("resources: unbounded -> 512MiB, 99 tasks, 150% CPU"), "\(plan)")
        #expect(plan.changes.contains { $0.subject == "generation" })
    }

    @Test("a generation that breaks while it bakes is flipped back")
    func bakeBreaks() async throws {
        _ = try await lab.up()
        let world = world
        world.prober.answer {
            $0.expectedVersion == "2.0.0" && world.log.withLock { $0.contains("generation 2 serves") }
                ? .wrong("Access denied") : .well
        }
        let fleet = world.newOperator(Samples.spec("2.0.0") { $0.rollout.bake = 60 })
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.code == .failed, "\(refusal)")
        #expect(world.log.withLock { $0.contains("generation 2 serves") })
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("an interrupt while it verifies undoes the rollout")
    func interrupted() async throws {
        _ = try await lab.up()
        world.prober.answer { $0.expectedVersion == "2.0.0" ? .notReady : .well }
        let world = world
        let fleet = world.newOperator(Samples.spec("2.0.0")) {
            world.machine.ids.contains("analytics-3-g2")
        }
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.why == "interrupted")
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("a rollback brings back what served before, under a new number, and fetches nothing")
    func rollback() async throws {
        _ = try await lab.up()
        _ = try await lab.up("2.0.0")
        let resolved = world.shelf.resolved.withLock(\.count)
        let fleet = world.newOperator(Samples.spec("2.0.0"))
        let result = try await world.run { try await fleet.rollback() }
        guard case .converged(3, _, let stamp, _) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(stamp.version == "1.0.0")
        #expect(world.shelf.resolved.withLock(\.count) == resolved)
        try await lab.expectOnly(3, version: "1.0.0")
    }

    @Test("down stops everything and takes its users and files with it; a second down has nothing to do")
    func down() async throws {
        _ = try await lab.up()
        let fleet = world.newOperator()
        try await world.run { try await fleet.down() }
        #expect(world.machine.ids.isEmpty)
        #expect(world.database.users.isEmpty)
        #expect(try lab.instanceDirectories().isEmpty)
        let record = try await world.ledger()
        #expect(record.current == nil && record.next == nil)
        #expect(record.previous?.number == 1)
        try await world.run { try await fleet.down() }
        _ = try await lab.up()
        try await lab.expectOnly(2, version: "1.0.0")
    }

    @Test("down leaves the users of a fleet whose name begins alike")
    func neighbours() async throws {
        let neighbour = InstanceUser.name(fleet: "shop-eu", instance: "analytics-1-g1")
        world.database[neighbour] = FakeDatabase.User(password: "p", grants: [])
        _ = try await lab.up()
        let fleet = world.newOperator()
        try await world.run { try await fleet.down() }
        #expect(world.database.users == [neighbour])
    }

    @Test("a fleet whose supervisor lost its disk comes up again, and the lost generation's users go")
    func lostDisk() async throws {
        _ = try await lab.up()
        world.killSupervisor()
        for id in world.machine.ids { world.machine.kill(id) }
        world.disk.remove(world.layout.generations)
        _ = try await lab.up()
        try await lab.expectOnly(2, version: "1.0.0")
    }

    @Test("no secret is in the ledger, in the generation files or in argv")
    func secrets() async throws {
        _ = try await lab.up()
        for path in [world.layout.ledger] + world.disk.below(world.layout.generations) {
            #expect(world.disk[path]?.contains("hush") == false, "\(path)")
        }
        for id in world.machine.ids {
            let plan = try #require(world.machine.running(id)?.plan)
            #expect(!"\(plan.arguments) \(plan.environment)".contains("hush"))
        }
        #expect(!world.edge.text.isEmpty)
        #expect(!world.log.withLock { $0.joined() }.contains("hush"))
    }
}
