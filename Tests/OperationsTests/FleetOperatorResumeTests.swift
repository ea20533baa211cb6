import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// Law 3: wherever a rollout is cut, `resume` brings it to its end and `rollback` back to its beginning.
@Suite("FleetOperator, resume and rollback", .timeLimit(.minutes(10)))
struct FleetOperatorResumeTests {
    enum Killed: CaseIterable { case operatorOnly, withSupervisor, everything }
    enum Then: CaseIterable { case resume, rollback }

    private let lab = OperatorLab()
    private var world: FakeWorld { lab.world }

    /// A rollout from 1.0.0 to 2.0.0 whose operator is killed at its call number `cut`; nil when it ended before.
    private static func cutLab(
        _ cut: Int, _ killed: Killed, isFirst: Bool = false, isSick: Bool = false
    ) async throws -> OperatorLab? {
        let lab = OperatorLab()
        if !isFirst { _ = try await lab.up() }
        let world = lab.world
        if isSick {
            world.prober.answer { plan in
                plan.expectedVersion == "2.0.0" && world.log.withLock { $0.contains("generation 2 serves") }
                    ? .wrong("Access denied") : .well
            }
        }
        let fuse = Fuse(blowAt: cut)
        let fleet = world.newOperator(Samples.spec("2.0.0") { $0.rollout.bake = isSick ? 60 : 1 }, fuse: fuse)
        try? await world.run { _ = try await isFirst ? fleet.up() : fleet.rollout() }
        guard fuse.isBlown else { return nil }
        if killed != .operatorOnly { world.killSupervisor() }
        if killed == .everything { for id in world.machine.ids { world.machine.kill(id) } }
        return lab
    }

    @Test("cut at any call, resume ends on the new release", arguments: Killed.allCases)
    func resume(killed: Killed) async throws {
        var cut = 1
        while let lab = try await Self.cutLab(cut, killed) {
            let wasOpen = try await lab.world.ledger().rollout.map { $0.number == 2 && $0.state == .open } ?? false
            do {
                let fleet = lab.world.newOperator(Samples.spec("1.0.0"))
                let resumption = try await lab.world.run { try await fleet.resume() }
                #expect((resumption == .nothingOpen) == !wasOpen, "cut at \(cut)")
                if !wasOpen { _ = try await lab.up(lab.world.ledger().current?.release.version ?? "") }
                let isDone = try await lab.world.ledger().rollout?.number == 2
                try await lab.expectOnly(
                    isDone ? 2 : 1, version: isDone ? "2.0.0" : "1.0.0", "cut at \(cut), \(killed)")
                #expect(try await lab.world.ledger().rollout?.state == .converged)
            } catch {
                Issue.record("cut at call \(cut), \(killed): \(error)")
            }
            cut += killed == .operatorOnly ? 1 : 5
        }
        #expect(cut > 50)
    }

    @Test("cut at any call, rollback ends on the old release", arguments: Killed.allCases)
    func rollback(killed: Killed) async throws {
        var cut = 1
        while let lab = try await Self.cutLab(cut, killed) {
            let record = try await lab.world.ledger()
            do {
                let fleet = lab.world.newOperator(Samples.spec("1.0.0"))
                // With nothing begun there is nothing to go back to.
                if record.rollout?.number == 2 { _ = try await lab.world.run { try await fleet.rollback() } }
                if killed == .everything || record.rollout?.number != 2 { _ = try await lab.up() }
                try await lab.expectOnly(0, version: "1.0.0", "cut at \(cut), \(killed)")
            } catch {
                Issue.record("cut at call \(cut), \(killed): \(error)")
            }
            cut += killed == .operatorOnly ? 1 : 5
        }
        #expect(cut > 50)
    }

    @Test("cut at any call, a way back is gone to its end: exit 1, the old release", arguments: Killed.allCases)
    func resumeUndo(killed: Killed) async throws {
        var cut = 20
        var undone = 0
        while let lab = try await Self.cutLab(cut, killed, isSick: true) {
            let before = try await lab.world.ledger()
            let fleet = lab.world.newOperator(Samples.spec("1.0.0"))
            do {
                if before.rollout?.undoing == true, before.rollout?.state == .open {
                    undone += 1
                    let refusal = try await failure { _ = try await lab.world.run { try await fleet.resume() } }
                    #expect(refusal.code == .failed && refusal.what.contains("serves again"), "\(refusal)")
                    #expect(refusal.why.contains("Access denied"))
                    try await lab.expectOnly(1, version: "1.0.0", "cut at \(cut), \(killed)")
                } else if before.rollout?.number == 2, before.rollout?.state == .open {
                    // Its new machine has not seen it break yet: it finds out by itself.
                    _ = try await failure { _ = try await lab.world.run { try await fleet.resume() } }
                    try await lab.expectOnly(1, version: "1.0.0", "cut at \(cut), \(killed)")
                }
            } catch {
                Issue.record("cut at call \(cut), \(killed): \(error)")
            }
            cut += killed == .operatorOnly ? 1 : 3
        }
        #expect(undone > 2)
    }

    @Test("cut at any call, a first up is resumed, or leaves nothing", arguments: Then.allCases)
    func firstUp(then: Then) async throws {
        var cut = 1
        while let lab = try await Self.cutLab(cut, .withSupervisor, isFirst: true) {
            let record = try await lab.world.ledger()
            let fleet = lab.world.newOperator(Samples.spec("2.0.0"))
            do {
                if record.rollout?.state == .open, then == .resume {
                    _ = try await lab.world.run { try await fleet.resume() }
                    try await lab.expectOnly(1, version: "2.0.0", "cut at \(cut)")
                } else if record.rollout?.state == .open {
                    let result = try? await lab.world.run { try await fleet.rollback() }
                    if case .undone(nil, nil, _)? = result {
                        #expect(lab.world.database.users.isEmpty)
                        #expect(Set(lab.world.machine.ids).isSubset(of: ["edge", "gate"]))
                        #expect(try lab.instanceDirectories().isEmpty, "cut at \(cut)")
                    } else {
                        // It served already, and nothing served before it.
                        try await lab.expectOnly(1, version: "2.0.0", "cut at \(cut)")
                    }
                }
            } catch {
                Issue.record("cut at call \(cut): \(error)")
            }
            cut += 3
        }
        #expect(cut > 30)
    }

    @Test("the supervisor alone killed at any call: the rollout starts another and goes on")
    func supervisorKilled() async throws {
        for cut in 1...200 {
            let lab = OperatorLab()
            _ = try await lab.up()
            let fleet = lab.world.newOperator(Samples.spec("2.0.0"))
            var ports = fleet.ports
            let control = KillingControl(control: ports.control, world: lab.world, at: cut)
            ports.control = control
            let killing = FleetOperator(ports: ports, context: fleet.context)
            do {
                _ = try await lab.world.run { try await killing.rollout() }
                try await lab.expectOnly(2, version: "2.0.0", "killed at call \(cut)")
            } catch let failure as Failure where failure.code == .unavailable {
                // Before it was begun that is an answer, too.
                #expect(try await lab.world.ledger().rollout?.number == 1, "killed at call \(cut): \(failure)")
            } catch {
                Issue.record("killed at call \(cut): \(error)")
            }
            if !control.hasKilled {
                #expect(cut > 10)
                return
            }
        }
    }

    @Test("nothing open: resume says so and starts nothing")
    func nothingOpen() async throws {
        let fleet = world.newOperator()
        #expect(try await world.run { try await fleet.resume() } == .nothingOpen)
        #expect(world.supervisor == nil)
        _ = try await lab.up()
        let starts = world.machine.starts
        #expect(try await world.run { try await fleet.resume() } == .nothingOpen)
        #expect(world.machine.starts == starts)
    }

    @Test("a rollout of a convoy that kept no journal is resumed, too, and goes back, too", arguments: Then.allCases)
    func olderConvoy(then: Then) async throws {
        _ = try await lab.up()
        var record = try await world.ledger()
        let plan = try await Samples.staged(2, in: world, over: record.current, version: "2.0.0")
        (record.next, record.rollout, record.nextGeneration) = (plan, nil, 3)
        let old = MemoryLedger(disk: world.disk, path: world.layout.ledger, fuse: Fuse())
        try await old.save(record)
        let supervisor = try #require(world.supervisor)
        try await world.run { try await supervisor.begin(plan) }
        let fleet = world.newOperator(Samples.spec("1.0.0"))
        switch then {
        case .resume:
            _ = try await world.run { try await fleet.resume() }
            try await lab.expectOnly(2, version: "2.0.0")
        case .rollback:
            _ = try await world.run { try await fleet.rollback() }
            try await lab.expectOnly(1, version: "1.0.0")
        }
    }

    @Test("up and rollout go on with an open rollout to the same wish, and take another one away")
    func sameWish() async throws {
        _ = try await lab.up()
        let world = world
        world.prober.answer { $0.expectedVersion == "2.0.0" ? .notReady : .well }
        let fuse = Fuse()
        let cut = world.newOperator(Samples.spec("2.0.0"), fuse: fuse) {
            if world.machine.ids.contains("analytics-3-g2") { fuse.blow() }
            return false
        }
        try? await world.run { _ = try await cut.rollout() }
        world.prober.answer { _ in .well }
        let starts = world.machine.starts
        let again = world.newOperator(Samples.spec("2.0.0"))
        _ = try await world.run { try await again.rollout() }
        try await lab.expectOnly(2, version: "2.0.0")
        #expect(world.machine.starts == starts)
    }

    @Test("the journal has an intent and an outcome for each step, in order, without a gap")
    func journal() async throws {
        _ = try await lab.up()
        let told = Mutex<[JournalEntry]>([])
        let named = Mutex<[String]>([])
        let seams = RolloutSeams(
            nameRelease: { release in named.withLock { $0.append(release.version) } },
            journaled: { entry in told.withLock { $0.append(entry) } }, holder: "ops@web-1")
        let fleet = world.newOperator(Samples.spec("2.0.0"), seams: seams)
        _ = try await world.run { try await fleet.rollout() }
        let journal = try await MemoryLedger(disk: world.disk, path: world.layout.ledger, fuse: Fuse()).journal(of: 2)
        #expect(journal.map(\.index) == Array(1...22))
        #expect(journal.filter { $0.mark == .intent }.map(\.step) == RolloutStep.forward.map(\.rawValue))
        #expect(journal.filter { $0.mark == .done }.map(\.step) == RolloutStep.forward.map(\.rawValue))
        #expect(told.withLock { $0 } == journal)
        #expect(named.withLock { $0 } == ["2.0.0"])
        let rollout = try #require(try await world.ledger().rollout)
        #expect(rollout.holder == "ops@web-1" && rollout.from == 1 && rollout.endedAt != nil && rollout.step == "prune")
    }

    @Test("a comparison that forbids the flip takes it back with its reason")
    func seams() async throws {
        _ = try await lab.up()
        let forbidding = world.newOperator(
            Samples.spec("2.0.0"), seams: RolloutSeams(compare: { _, _, _ in "tool find is gone" }))
        let refusal = try await failure { _ = try await world.run { try await forbidding.rollout() } }
        #expect(refusal.why == "tool find is gone" && refusal.what.contains("served throughout"), "\(refusal)")
        #expect(!world.log.withLock { $0.contains("generation 2 serves") })
        #expect(refusal.code == .failed)
        try await lab.expectOnly(1, version: "1.0.0")
        #expect(try await world.ledger().rollout?.reason == "tool find is gone")
    }

    @Test("a lost lease, or a ledger that takes nothing, stops it at once: nothing is undone")
    func lostLedger() async throws {
        for (lost, code) in [(Failure.Code.leaseHeld, Failure.Code.leaseHeld), (.unavailable, .failed)] {
            for at in [1, 5, 9, 13, 17] {
                let lab = OperatorLab()
                _ = try await lab.up()
                var fleet = lab.world.newOperator(Samples.spec("2.0.0"))
                var ports = fleet.ports
                ports.ledger = FailingLedger(ledger: ports.ledger, code: lost, at: at)
                fleet = FleetOperator(ports: ports, context: fleet.context)
                let cut = fleet
                let refusal = try await failure { _ = try await lab.world.run { try await cut.rollout() } }
                #expect(refusal.code == code, "\(refusal)")
                let record = try await lab.world.ledger()
                #expect(record.rollout?.state == .open && record.rollout?.undoing == false)
                let next = lab.world.newOperator(Samples.spec("1.0.0"))
                _ = try await lab.world.run { try await next.resume() }
                try await lab.expectOnly(2, version: "2.0.0", "at \(at)")
            }
        }
    }
}

/// Takes so many journal entries and no more.
private final class FailingLedger: Ledger {
    private let ledger: any Ledger
    private let code: Failure.Code
    private let left: Mutex<Int>

    init(ledger: any Ledger, code: Failure.Code, at: Int) {
        self.ledger = ledger
        self.code = code
        left = Mutex(at)
    }

    func load() async throws -> LedgerRecord { try await ledger.load() }
    func save(_ record: LedgerRecord) async throws {
        try check()
        try await ledger.save(record)
    }
    func append(_ entry: JournalEntry) async throws -> Int {
        left.withLock { $0 -= 1 }
        try check()
        return try await ledger.append(entry)
    }
    func journal(of rollout: Int) async throws -> [JournalEntry] { try await ledger.journal(of: rollout) }

    private func check() throws {
        if left.withLock({ $0 }) <= 0 { throw Failure(code, "cannot write", because: "disk full", next: "") }
    }
}
