import Fleet
import Foundation
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// Law 3 for rollouts in which two generations serve at once.
@Suite("FleetOperator, canary and rolling", .timeLimit(.minutes(10)))
struct FleetOperatorStrategyTests {
    enum Way: CaseIterable { case rolling, canary }
    enum Killed: CaseIterable { case operatorOnly, withSupervisor, everything }
    enum Then: CaseIterable { case resume, rollback }

    private let lab = OperatorLab()
    private var world: FakeWorld { lab.world }

    private static func spec(
        _ version: String, _ way: Way, bake: Seconds = 1,
        _ canary: CanaryRolloutSpec = CanaryRolloutSpec(size: .instances(1), time: 2)
    ) -> FleetSpec {
        Samples.spec(version) { spec in
            spec.rollout.bake = bake
            spec.rollout.strategy = way == .rolling ? .rolling : .canary
            if way == .canary { spec.rollout.canary = canary }
        }
    }

    private func journal() async throws -> [JournalEntry] {
        try await MemoryLedger(disk: world.disk, path: world.layout.ledger, fuse: Fuse()).journal(of: 2)
    }

    /// What the gate was told in turn, of the one pool: who serves, and what part the other one has.
    private func roll(_ spec: FleetSpec) async throws -> (result: FleetOperator.Result, shares: [Double]) {
        let shares = Mutex<[Double]>([])
        let world = world
        let seams = RolloutSeams(journaled: { entry in
            guard entry.mark == .done, entry.step.hasPrefix("share.") || entry.step == "flip" else { return }
            guard let text = world.disk[world.layout.gatePolicy],
                let policy = try? JSONDecoder().decode(GatePolicy.self, from: Data(text.utf8))
            else { return }
            shares.withLock { $0.append(policy.pools.first?.also?.part ?? 0) }
        })
        let fleet = world.newOperator(spec, seams: seams)
        let result = try await world.run { try await fleet.rollout() }
        return (result, shares.withLock { $0 })
    }

    @Test("a rolling update replaces one after the other, with no more than three at a time")
    func rolling() async throws {
        _ = try await lab.up()
        world.sessions.set("a1", 2)
        let (result, shares) = try await roll(Self.spec("2.0.0", .rolling))
        #expect(shares == [1.0 / 3, 2.0 / 3, 1, 0])
        try await lab.expectOnly(2, version: "2.0.0")
        let instances = world.machine.starts.filter { $0.hasPrefix("analytics") }
        #expect(instances.suffix(3) == ["analytics-1-g2", "analytics-2-g2", "analytics-3-g2"])
        let lost = DrainReport(sessions: 2, cut: 2)
        guard case .converged(2, _, _, lost) = result else {
            Issue.record("\(result)")
            return
        }
        let retired = try await journal().first { $0.step == "retire.1" && $0.mark == .done }
        #expect(retired?.detail == "2 sessions: 0 ended, 0 moved, 2 cut")
    }

    @Test("an interrupt while a part drains does not wait for the drain's end: whoever drains is called back")
    func interruptedDrain() async throws {
        let world = world
        _ = try await lab.up()
        world.sessions.set("a2", 1)
        let pids = world.machine.ids.compactMap { world.machine.running($0)?.record }
        var spec = Self.spec("2.0.0", .rolling)
        spec.rollout.drain = 3600
        let began = Mutex<Double?>(nil)
        let seams = RolloutSeams(journaled: { entry in
            if entry.step == "retire.2", entry.mark == .intent { began.withLock { $0 = world.time.now } }
        })
        // A while after the drain began: it is the call that must not be waited for.
        let fleet = world.newOperator(
            spec, seams: seams, isInterrupted: { began.withLock { $0.map { world.time.now > $0 + 3 } ?? false } })
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.code == .failed && refusal.why.contains("interrupted"), "\(refusal)")
        let took = world.time.now - (began.withLock { $0 } ?? 0)
        #expect(took < 120, "after \(took) s")
        try await lab.expectOnly(1, version: "1.0.0")
        // The one that drained was neither stopped nor started again.
        let second = try #require(world.machine.running("analytics-2-g1")?.record)
        #expect(pids.contains(second))
        // The drain that nobody waits for any more ends without a word, and takes nothing away.
        await world.pass(3700)
        try await lab.expectOnly(1, version: "1.0.0")
        #expect(world.machine.running("analytics-2-g1")?.record == second)
    }

    @Test("a canary has its part of the callers before the rest is started, and then all of them")
    func canary() async throws {
        _ = try await lab.up()
        let (_, shares) = try await roll(Self.spec("2.0.0", .canary))
        #expect(shares == [0.25, 0])
        try await lab.expectOnly(2, version: "2.0.0")
        let steps = try await journal().filter { $0.mark == .intent }.map(\.step)
        #expect(
            steps.prefix(8) == ["preflight", "stage", "start.1", "verify.1", "compare.1", "share.1", "watch", "start"])
    }

    @Test("a canary by a part of all callers starts all of its generation first")
    func share() async throws {
        _ = try await lab.up()
        let (_, shares) = try await roll(
            Self.spec("2.0.0", .canary, CanaryRolloutSpec(time: 2)))
        #expect(shares == [0.1, 0])
        try await lab.expectOnly(2, version: "2.0.0")
    }

    @Test("a canary that fails calls is taken back; nobody flipped, and the others were never started")
    func sickCanary() async throws {
        world.meter.tell { [] }
        _ = try await lab.up()
        let current = try #require(try await world.ledger().current)
        let ports = current.instances.map { ($0.port, $0.siblingPort) }
        world.meter.tell {
            ports.flatMap { old, new in
                (0..<20).map { _ in FakeMeter.line(old, 200) }
                    + (0..<20).map { FakeMeter.line(new, $0 == 7 ? 500 : 200) }
            }
        }
        let fleet = world.newOperator(Self.spec("2.0.0", .canary, CanaryRolloutSpec(size: .instances(1), time: 60)))
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.code == .failed && refusal.what.contains("served throughout"), "\(refusal)")
        #expect(refusal.why.contains("5% of ") && refusal.why.contains(" calls failed, 0% of "), "\(refusal)")
        #expect(!world.log.withLock { $0.contains("generation 2 serves") })
        #expect(!world.machine.starts.contains("analytics-2-g2"))
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("a part that does not get fit: what was taken away for it comes back")
    func sickPart() async throws {
        _ = try await lab.up()
        let current = try #require(try await world.ledger().current)
        let sick = current.instances[1].siblingPort
        world.prober.answer { $0.endpoint.contains(":\(sick)/") ? .wrong("Access denied") : .well }
        let fleet = world.newOperator(Self.spec("2.0.0", .rolling))
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.why.contains("analytics-2-g2: ") && refusal.what.contains("serves again"), "\(refusal)")
        try await lab.expectOnly(1, version: "1.0.0")
        #expect(world.machine.starts.count { $0 == "analytics-3-g1" } == 1, "it never noticed")
        #expect(world.machine.starts.count { $0 == "analytics-1-g1" } == 2)
    }

    @Test("a rolling update that turns out worse in its soak brings the old one back, part by part")
    func sickSoak() async throws {
        _ = try await lab.up()
        let world = world
        world.prober.answer { plan in
            plan.expectedVersion == "2.0.0" && world.log.withLock { $0.contains("generation 2 serves") }
                ? .wrong("Access denied") : .well
        }
        let fleet = world.newOperator(Self.spec("2.0.0", .rolling, bake: 60))
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.why.contains("Access denied") && refusal.what.contains("serves again"), "\(refusal)")
        try await lab.expectOnly(1, version: "1.0.0")
        let back = try await journal().filter { $0.mark == .done }.map(\.step).suffix(9)
        #expect(
            back == [
                "restore.3", "withdraw.3", "restore.2", "withdraw.2", "restore.1", "withdraw.1", "flipBack", "takeAway",
                "finalizeUndone",
            ])
    }

    @Test("nothing is taken away where somebody is missing already")
    func missing() async throws {
        _ = try await lab.up()
        let current = try #require(try await world.ledger().current)
        let sick = current.instances[2].port
        world.prober.answer { $0.endpoint.contains(":\(sick)/") ? .wrong("Access denied") : .well }
        try await world.until("unfit") { $0.status.instances.contains { !$0.ready } }
        let fleet = world.newOperator(Self.spec("2.0.0", .rolling))
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.why.hasPrefix("nothing can be spared: analytics-3-g1 is unfit"), "\(refusal)")
        #expect(!world.machine.starts.contains { $0.hasSuffix("-g2") })
        world.prober.answer { _ in .well }
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test(
        "back to the generation before: a rolling fleet rolls, one with canaries flips at once", arguments: Way.allCases
    )
    func rollback(way: Way) async throws {
        for version in ["1.0.0", "2.0.0"] {
            let fleet = world.newOperator(Self.spec(version, way))
            _ = try await world.run { try await fleet.up() }
        }
        let fleet = world.newOperator(Self.spec("2.0.0", way))
        _ = try await world.run { try await fleet.rollback() }
        try await lab.expectOnly(3, version: "1.0.0")
        let ledger = MemoryLedger(disk: world.disk, path: world.layout.ledger, fuse: Fuse())
        let steps = try await ledger.journal(of: 3).map(\.step)
        #expect(steps.contains("retire.1") == (way == .rolling) && !steps.contains("watch"))
    }

    // MARK: Cut

    private static func cutLab(_ cut: Int, _ killed: Killed, _ way: Way, isSick: Bool) async throws -> OperatorLab? {
        let lab = OperatorLab()
        _ = try await lab.up()
        let world = lab.world
        if isSick {
            world.prober.answer { plan in
                plan.expectedVersion == "2.0.0" && world.log.withLock { $0.contains("generation 2 serves") }
                    ? .wrong("Access denied") : .well
            }
        }
        let fuse = Fuse(blowAt: cut)
        let fleet = world.newOperator(spec("2.0.0", way, bake: isSick ? 60 : 1), fuse: fuse)
        try? await world.run { _ = try await fleet.rollout() }
        guard fuse.isBlown else { return nil }
        if killed != .operatorOnly { world.killSupervisor() }
        if killed == .everything { for id in world.machine.ids { world.machine.kill(id) } }
        return lab
    }

    @Test(
        "cut at any call, resume ends on the new release, rollback on the old", arguments: Way.allCases, Then.allCases)
    func cut(way: Way, then: Then) async throws {
        for (killed, stride) in [(Killed.operatorOnly, 5), (.withSupervisor, 13), (.everything, 17)] {
            var cut = 1
            while let lab = try await Self.cutLab(cut, killed, way, isSick: false) {
                let note = "cut at call \(cut), \(killed)"
                do { try await Self.mend(lab, then, note) } catch { Issue.record("\(note): \(error)") }
                cut += stride
            }
            #expect(cut > 60)
        }
    }

    private static func mend(_ lab: OperatorLab, _ then: Then, _ note: String) async throws {
        let world = lab.world
        let before = try await world.ledger().rollout
        let wasOpen = before?.number == 2 && before?.state == .open
        let fleet = world.newOperator(Samples.spec("1.0.0"))
        switch then {
        case .resume:
            let resumption = try await world.run { try await fleet.resume() }
            #expect((resumption == .nothingOpen) == !wasOpen, "\(note)")
            if !wasOpen { _ = try await lab.up(world.ledger().current?.release.version ?? "") }
            let isDone = try await world.ledger().rollout?.number == 2
            try await lab.expectOnly(isDone ? 2 : 1, version: isDone ? "2.0.0" : "1.0.0", note)
        case .rollback:
            if before?.number == 2 { _ = try await world.run { try await fleet.rollback() } }
            // With nothing begun there is nothing to go back to, and nobody who would start what was killed.
            if before?.number != 2 { _ = try await lab.up() }
            try await lab.expectOnly(0, version: "1.0.0", note)
        }
    }

    @Test("cut at any call, the way back of a rolling update is gone to its end")
    func cutBack() async throws {
        for (killed, stride) in [(Killed.operatorOnly, 7), (.everything, 11)] {
            var (cut, undone) = (20, 0)
            while let lab = try await Self.cutLab(cut, killed, .rolling, isSick: true) {
                let before = try await lab.world.ledger().rollout
                let fleet = lab.world.newOperator(Samples.spec("1.0.0"))
                do {
                    if before?.number == 2, before?.state == .open {
                        undone += before?.undoing == true ? 1 : 0
                        let refusal = try await failure { _ = try await lab.world.run { try await fleet.resume() } }
                        #expect(refusal.code == .failed, "cut at \(cut): \(refusal)")
                        try await lab.expectOnly(1, version: "1.0.0", "cut at \(cut), \(killed)")
                    }
                } catch {
                    Issue.record("cut at call \(cut), \(killed): \(error)")
                }
                cut += stride
            }
            #expect(undone > 2)
        }
    }
}
