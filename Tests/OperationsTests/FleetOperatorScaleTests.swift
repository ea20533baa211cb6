import Fleet
import Planning
import Ports
import Testing

@testable import Operations

/// More or fewer instances: the others are not touched, and it can be cut anywhere.
@Suite("FleetOperator, scale", .timeLimit(.minutes(10)))
struct FleetOperatorScaleTests {
    enum Then: CaseIterable { case resume, rollback, up, upAsBefore }

    private let lab = OperatorLab()
    private var world: FakeWorld { lab.world }

    /// Two pools, with as many instances each.
    private static func spec(_ analytics: Int, _ crew: Int = 2, _ version: String = "1.0.0") -> FleetSpec {
        Samples.spec(version) { spec in
            spec.pools[0].replicas = analytics
            spec.pools.append(
                PoolSpec(name: "crew", replicas: crew, databases: [Samples.shop], scope: "mcp:crew"))
        }
    }

    private static func up(_ spec: FleetSpec, in world: FakeWorld) async throws {
        let fleet = world.newOperator(spec)
        _ = try await world.run { try await fleet.up() }
    }

    private static func records(_ world: FakeWorld) -> [String: ProcessRecord] {
        Dictionary(
            uniqueKeysWithValues: world.machine.ids.compactMap { id in
                world.machine.running(id).map { (id, $0.record) }
            })
    }

    @Test(
        "more in one pool and fewer in another: who is in both runs on, under the same generation",
        arguments: [
            (3, 2, 5, 2), (5, 2, 2, 2), (3, 3, 4, 1), (1, 1, 2, 3),
        ])
    func scales(from: Int, _ crew: Int, to: Int, _ newCrew: Int) async throws {
        try await Self.up(Self.spec(from, crew), in: world)
        let before = Self.records(world)
        try await Self.up(Self.spec(to, newCrew), in: world)
        try await lab.expectOnly(1, version: "1.0.0")
        let after = Self.records(world)
        let kept = Set(before.keys).intersection(after.keys)
        #expect(kept.count == min(from, to) + min(crew, newCrew) + 2)
        #expect(kept.allSatisfy { before[$0] == after[$0] })
        #expect(try await world.ledger().current?.instances.count == to + newCrew)
        let again = world.newOperator(Self.spec(to, newCrew))
        #expect(try await world.run { try await again.up() } == .unchanged(corrected: []))
    }

    @Test("units that were there keep every byte: they bear the wish that they were planned under")
    func wishes() async throws {
        try await Self.up(Self.spec(2), in: world)
        let before = try #require(try await world.ledger().current)
        try await Self.up(Self.spec(3), in: world)
        let after = try #require(try await world.ledger().current)
        #expect(after.wish != before.wish && after.wish(of: "analytics-1-g1") == before.wish)
        #expect(after.wish(of: "analytics-3-g1") == after.wish)
        try await Self.up(Self.spec(4), in: world)
        let last = try #require(try await world.ledger().current)
        #expect(last.wish(of: "analytics-1-g1") == before.wish && last.wish(of: "analytics-3-g1") == after.wish)
    }

    @Test("with anything else changed, too, it is a new generation")
    func alsoOther() async throws {
        try await Self.up(Self.spec(3), in: world)
        var spec = Self.spec(4)
        spec.pools[0].limits = LimitsSpec(body: 4096)
        try await Self.up(spec, in: world)
        try await lab.expectOnly(2, version: "1.0.0")
    }

    @Test("the next rollout is of the new number, and rollback of it comes back to it")
    func thenRollout() async throws {
        try await Self.up(Self.spec(2), in: world)
        try await Self.up(Self.spec(4), in: world)
        let fleet = world.newOperator(Self.spec(4, 2, "2.0.0"))
        _ = try await world.run { try await fleet.rollout() }
        let number = try #require(try await world.ledger().current?.number)
        try await lab.expectOnly(number, version: "2.0.0")
        #expect(try await world.ledger().current?.instances.count == 6)
        _ = try await world.run { try await fleet.rollback() }
        try await lab.expectOnly(0, version: "1.0.0")
        #expect(try await world.ledger().current?.instances.count == 6)
    }

    @Test("a new one that is not fit goes again: exit 1, and nobody else was touched")
    func sick() async throws {
        try await Self.up(Self.spec(3), in: world)
        let before = Self.records(world)
        world.machine.refuse(
            "analytics-5-g1", Failure(.failed, "cannot start analytics-5-g1", because: "no room", next: "make some"))
        let fleet = world.newOperator(Self.spec(5))
        let refusal = try await failure { _ = try await world.run { try await fleet.up() } }
        #expect(refusal.code == .failed && refusal.why.contains("no room"), "\(refusal)")
        #expect(refusal.what == "the change from 5 to 7 instances stopped; the 5 served throughout")
        #expect(Self.records(world) == before)
        try await lab.expectOnly(1, version: "1.0.0")
        #expect(try await world.ledger().scaling == nil)
    }

    @Test("the supervisor alone killed at any call: the change starts another and goes on")
    func supervisorKilled() async throws {
        let four = ["analytics-1-g1", "analytics-2-g1", "analytics-3-g1", "analytics-4-g1", "crew-1-g1"]
        for cut in 1...200 {
            let lab = OperatorLab()
            try await Self.up(Self.spec(3), in: lab.world)
            let fleet = lab.world.newOperator(Self.spec(4, 1))
            var ports = fleet.ports
            let control = KillingControl(control: ports.control, world: lab.world, at: cut)
            ports.control = control
            let killing = FleetOperator(ports: ports, context: fleet.context)
            do {
                _ = try await lab.world.run { try await killing.up() }
                try await lab.expectOnly(1, version: "1.0.0", "killed at call \(cut)")
                #expect(try await lab.world.ledger().current?.instances.map(\.name).sorted() == four, "call \(cut)")
            } catch let failure as Failure where failure.code == .unavailable {
                // Before it was begun that is an answer, too.
                let record = try await lab.world.ledger()
                #expect(record.scaling == nil && record.current?.instances.count == 5, "at call \(cut): \(failure)")
                #expect(cut < 3, "killed at call \(cut): \(failure)")
            } catch {
                Issue.record("killed at call \(cut): \(error)")
            }
            if !control.hasKilled {
                #expect(cut > 10)
                return
            }
        }
    }

    @Test("without room for one more, nothing is made: exit 1 with the figures, and nobody was touched")
    func noRoom() async throws {
        try await Self.up(Self.spec(3), in: world)
        let before = Self.records(world)
        let (starts, users) = (world.machine.starts, world.database.users)
        let used = before.values.map { ($0.pid, RoomFigures.Process(ownBytes: 100_000_000, openFiles: 20)) }
        let processes = Dictionary(used) { first, _ in first }
        func scaling(_ replicas: Int, available: Int) -> FleetOperator {
            let plain = world.newOperator(Self.spec(replicas))
            let room = FixedRoom(room: RoomFigures(memoryAvailable: available, processes: processes))
            let seams = RolloutSeams().watching(plain.ports, layout: world.layout, room: room)
            return FleetOperator(ports: plain.ports, context: plain.context, seams: seams)
        }
        let fleet = scaling(5, available: 219_000_000)
        let refusal = try await failure { _ = try await world.run { try await fleet.up() } }
        #expect(refusal.code == .failed && refusal.why.contains("2 instances more need about 220 MB"), "\(refusal)")
        #expect(Self.records(world) == before && world.machine.starts == starts && world.database.users == users)
        try await lab.expectOnly(1, version: "1.0.0")
        // Nobody asks for room to become fewer, and for one more there is enough.
        let more = scaling(4, available: 219_000_000)
        _ = try await world.run { try await more.up() }
        let fewer = scaling(1, available: 0)
        _ = try await world.run { try await fewer.up() }
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("plan says that the generation stays")
    func plan() async throws {
        try await Self.up(Self.spec(3), in: world)
        let plan = try await world.newOperator(Self.spec(4)).plan()
        #expect(plan.changes.map(\.subject) == ["pool analytics", "generation 1"])
    }

    @Test(
        "cut at any call, each way out ends with all or nothing, and nobody else was touched", arguments: Then.allCases)
    func cut(then: Then) async throws {
        for withSupervisor in [false, true] {
            var cut = 1
            while let lab = try await Self.cutLab(at: cut, withSupervisor) {
                let note = "cut at \(cut), supervisor killed: \(withSupervisor), \(then)"
                do {
                    try await Self.settle(lab, then, note)
                } catch {
                    Issue.record("\(note): \(error)")
                }
                cut += withSupervisor ? 3 : 1
            }
            #expect(cut > 40)
        }
    }

    /// From 3 and 2 to 4 and 1; nil when it ended before that call.
    private static func cutLab(at cut: Int, _ withSupervisor: Bool) async throws -> OperatorLab? {
        let lab = OperatorLab()
        let world = lab.world
        try await up(spec(3), in: world)
        let fuse = Fuse(blowAt: cut)
        let fleet = world.newOperator(spec(4, 1), fuse: fuse)
        _ = try? await world.run { try await fleet.up() }
        guard fuse.isBlown else { return nil }
        if withSupervisor { world.killSupervisor() }
        return lab
    }

    private static func settle(_ lab: OperatorLab, _ then: Then, _ note: String) async throws {
        let world = lab.world
        let before = records(world)
        let open = try await world.ledger().scaling
        let fleet = world.newOperator(then == .upAsBefore ? spec(3) : spec(4, 1))
        var wish: [Int]?
        switch then {
        case .resume:
            let went = try await world.run { try await fleet.resume() }
            #expect((went == .nothingOpen) == (open == nil), "\(note)")
            if open != nil { wish = [4, 1] }
            if world.supervisor == nil { _ = try await world.run { try await world.newOperator(spec(4, 1)).up() } }
        case .rollback:
            guard let open else { return }
            do {
                _ = try await world.run { try await fleet.rollback() }
                wish = open.isPastReturn ? nil : [3, 2]
            } catch let refusal as Failure where open.isPastReturn {
                // Too late for it, and nothing served before.
                #expect(refusal.why == "no generation served before this one", "\(note)")
                wish = [4, 1]
            }
        case .up:
            _ = try await world.run { try await fleet.up() }
            wish = [4, 1]
        case .upAsBefore:
            _ = try await world.run { try await fleet.up() }
            wish = [3, 2]
        }
        let current = try #require(try await world.ledger().current)
        let counts = ["analytics", "crew"].map { pool in current.instances.count { $0.pool == pool } }
        if let wish { #expect(counts == wish, "\(note)") }
        #expect(try await world.ledger().scaling == nil, "\(note)")
        try await lab.expectOnly(1, version: "1.0.0", note)
        let after = records(world)
        for id in ["analytics-1-g1", "analytics-2-g1", "analytics-3-g1", "crew-1-g1"] {
            #expect(before[id] == after[id], "\(note): \(id) was touched")
        }
    }
}
