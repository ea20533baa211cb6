import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

@Suite("FleetOperator", .timeLimit(.minutes(2)))
struct FleetOperatorTests {
    private let world = FakeWorld()

    private func up(_ version: String = "1.0.0") async throws -> FleetOperator.Result {
        let fleet = world.newOperator(Samples.spec(version))
        return try await world.run { try await fleet.up() }
    }

    private func instanceDirectories() throws -> [String] {
        try FakeFiles(disk: world.disk).list(world.layout.instances)
    }

    /// What is left in the world belongs to this generation, and to nothing else.
    private func expectOnly(_ number: Int, version: String, _ note: String = "") async throws {
        let record = try await world.ledger()
        let plan = try #require(record.current, "\(note)")
        #expect(plan.number == number || number == 0, "\(note)")
        #expect(plan.release.version == version, "\(note)")
        #expect(record.next == nil, "\(note)")
        #expect(record.nextGeneration > plan.number, "\(note)")
        #expect(world.machine.ids == (plan.instances.map(\.name) + ["edge", "gate"]).sorted(), "\(note)")
        #expect(world.database.users == plan.instances.compactMap(\.proof?.user).sorted(), "\(note)")
        #expect(try instanceDirectories() == plan.instances.map(\.name).sorted(), "\(note)")
        let report = try await world.until("converged \(note)") { $0.status.converged }
        #expect(report.status.generation == plan.number, "\(note)")
        #expect(report.generations == [plan], "\(note)")
    }

    @Test("the first up brings up everything")
    func first() async throws {
        guard case .converged(1, nil, let stamp) = try await up() else {
            Issue.record("not converged")
            return
        }
        #expect(stamp.version == "1.0.0")
        try await expectOnly(1, version: "1.0.0")
    }

    @Test("up again changes nothing: no generation, no user, no process, no reload")
    func again() async throws {
        _ = try await up()
        let users = world.database.users.map { world.database[$0] }
        let starts = world.machine.starts
        let installs = world.edge.installs
        #expect(try await up() == .unchanged(corrected: []))
        #expect(world.machine.starts == starts)
        #expect(world.edge.installs == installs)
        #expect(world.database.users.map { world.database[$0] } == users)
        #expect(world.shelf.resolved.withLock(\.count) == 1)
        try await expectOnly(1, version: "1.0.0")
    }

    @Test("up corrects a user that somebody gave more rights, and names it")
    func corrected() async throws {
        _ = try await up()
        let user = "convoy-shop.analytics-2-g1"
        world.database[user]?.grants.insert(DatabaseGrant(database: "shop", role: "readWrite"))
        try await world.until("benched") { !$0.status.instances.allSatisfy(\.ready) }
        #expect(try await up() == .unchanged(corrected: [user]))
        #expect(world.database[user]?.grants == [Samples.shop])
        try await expectOnly(1, version: "1.0.0")
    }

    @Test("a rollout replaces everything by the next generation, whose ports are the siblings'")
    func rollout() async throws {
        _ = try await up()
        let before = try #require(try await world.ledger().current)
        let fleet = world.newOperator(Samples.spec("2.0.0"))
        _ = try await world.run { try await fleet.rollout() }
        try await expectOnly(2, version: "2.0.0")
        let record = try await world.ledger()
        #expect(record.previous == before)
        #expect(record.current?.instances.map(\.port) == before.instances.map(\.siblingPort))
    }

    @Test("a rollout whose canary fails is undone: the old serves, only the number is used up")
    func rolloutFails() async throws {
        _ = try await up()
        let before = try await world.ledger()
        let restarts = world.machine.starts
        world.prober.answer { $0.expectedVersion == "2.0.0" ? .wrong("Access denied") : .well }
        let fleet = world.newOperator(Samples.spec("2.0.0"))
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.code == .failed)
        #expect(refusal.why.contains("Access denied"), "\(refusal)")
        #expect(refusal.what.contains("generation 1 (1.0.0) served throughout"))
        try await expectOnly(1, version: "1.0.0")
        var after = try await world.ledger()
        #expect(after.nextGeneration == 3)
        after.nextGeneration = before.nextGeneration
        after.audit = before.audit
        #expect(after == before)
        #expect(world.machine.starts.prefix(restarts.count) == restarts[...])
    }

    @Test("a generation that breaks while it bakes is flipped back")
    func bakeBreaks() async throws {
        _ = try await up()
        let world = world
        world.prober.answer {
            $0.expectedVersion == "2.0.0" && world.log.withLock { $0.contains("generation 2 serves") }
                ? .wrong("Access denied") : .well
        }
        let fleet = world.newOperator(Samples.spec("2.0.0") { $0.rollout.bake = 60 })
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.code == .failed, "\(refusal)")
        #expect(world.log.withLock { $0.contains("generation 2 serves") })
        try await expectOnly(1, version: "1.0.0")
    }

    @Test("an interrupt while it verifies undoes the rollout")
    func interrupted() async throws {
        _ = try await up()
        world.prober.answer { $0.expectedVersion == "2.0.0" ? .notReady : .well }
        let world = world
        let fleet = world.newOperator(Samples.spec("2.0.0")) {
            world.machine.ids.contains("analytics-3-g2")
        }
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.why == "interrupted")
        try await expectOnly(1, version: "1.0.0")
    }

    @Test("a rollback brings back what served before, under a new number, and fetches nothing")
    func rollback() async throws {
        _ = try await up()
        _ = try await up("2.0.0")
        let resolved = world.shelf.resolved.withLock(\.count)
        let fleet = world.newOperator(Samples.spec("2.0.0"))
        let (_, reference) = try await world.run { try await fleet.rollback() }
        #expect(reference.version == "1.0.0")
        #expect(world.shelf.resolved.withLock(\.count) == resolved)
        try await expectOnly(3, version: "1.0.0")
    }

    @Test("down stops everything and takes its users and files with it; a second down has nothing to do")
    func down() async throws {
        _ = try await up()
        let fleet = world.newOperator()
        try await world.run { try await fleet.down() }
        #expect(world.machine.ids.isEmpty)
        #expect(world.database.users.isEmpty)
        #expect(try instanceDirectories().isEmpty)
        let record = try await world.ledger()
        #expect(record.current == nil && record.next == nil)
        #expect(record.previous?.number == 1)
        try await world.run { try await fleet.down() }
        _ = try await up()
        try await expectOnly(2, version: "1.0.0")
    }

    @Test("down leaves the users of a fleet whose name begins alike")
    func neighbours() async throws {
        let neighbour = InstanceUser.name(fleet: "shop-eu", instance: "analytics-1-g1")
        world.database[neighbour] = FakeDatabase.User(password: "p", grants: [])
        _ = try await up()
        let fleet = world.newOperator()
        try await world.run { try await fleet.down() }
        #expect(world.database.users == [neighbour])
    }

    @Test("a fleet whose supervisor lost its disk comes up again, and the lost generation's users go")
    func lostDisk() async throws {
        _ = try await up()
        world.killSupervisor()
        for id in world.machine.ids { world.machine.kill(id) }
        world.disk.remove(world.layout.generations)
        _ = try await up()
        try await expectOnly(2, version: "1.0.0")
    }

    @Test("no secret is in the ledger, in the generation files or in argv")
    func secrets() async throws {
        _ = try await up()
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

    // MARK: Cut anywhere

    /// Kills the operator at its call number `cut`, and perhaps the supervisor with it; then `up` by a new
    /// one must make everything as wished. False when the verb ended before that call.
    private static func survives(
        cut: Int, withSupervisor: Bool, prepare: [String], verb: String, sick: Bool = false,
        _ act: @escaping @Sendable (FleetOperator) async throws -> Void
    ) async throws -> Bool {
        let tests = FleetOperatorTests()
        for version in prepare { _ = try await tests.up(version) }
        if sick { tests.world.prober.answer { $0.expectedVersion == "2.0.0" ? .wrong("Access denied") : .well } }
        let fuse = Fuse(blowAt: cut)
        let fleet = tests.world.newOperator(Samples.spec("2.0.0"), fuse: fuse)
        try? await tests.world.run { try await act(fleet) }
        guard fuse.isBlown else { return false }
        if withSupervisor { tests.world.killSupervisor() }
        let version = sick ? "1.0.0" : "2.0.0"
        do {
            _ = try await tests.up(version)
            try await tests.expectOnly(0, version: version, "\(verb) cut at \(cut)")
        } catch {
            Issue.record("\(verb) cut at call \(cut), supervisor killed: \(withSupervisor): \(error)")
        }
        return true
    }

    @Test("cut at any call, a first up is finished by the next", arguments: [false, true])
    func cutUp(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: [], verb: "up", { _ = try await $0.up() })
        { cut += 1 }
        #expect(cut > 20)
    }

    @Test("cut at any call, a rollout is finished by the next up", arguments: [false, true])
    func cutRollout(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: ["1.0.0"], verb: "rollout",
            { _ = try await $0.rollout() })
        { cut += 1 }
        #expect(cut > 30)
    }

    @Test("cut at any call, a rollout that is being undone leaves the old one", arguments: [false, true])
    func cutUndo(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: ["1.0.0"], verb: "failing rollout", sick: true,
            { _ = try await $0.rollout() })
        { cut += 1 }
        #expect(cut > 30)
    }

    @Test("cut at any call, a down is followed by an up", arguments: [false, true])
    func cutDown(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: ["1.0.0", "2.0.0"], verb: "down",
            { try await $0.down() })
        { cut += 1 }
        #expect(cut > 5)
    }
}
