import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// Law 3 where nothing is killed but the disk takes no more: of the ledger, of the operator's files and of the
/// supervisor's own.
@Suite("A disk that gets full", .timeLimit(.minutes(10)))
struct FullDiskTests {
    enum Then: CaseIterable { case resume, rollback, up }

    @Test(
        "full at any write of a rollout: said so, the fleet serves on, and with room again it becomes whole",
        arguments: Then.allCases)
    func rollout(then: Then) async throws {
        var refusals = 0
        for count in 0..<400 {
            let lab = OperatorLab()
            _ = try await lab.up()
            lab.world.disk.fill(after: count)
            let fleet = lab.world.newOperator(Samples.spec("2.0.0"))
            let refusal = await failure { _ = try await lab.world.run { try await fleet.rollout() } }
            guard lab.world.disk.refused > 0 else {
                #expect(refusal == nil && count > 40 && refusals > 40)
                return
            }
            if let refusal {
                refusals += 1
                #expect([.failed, .unavailable].contains(refusal.code), "\(count): \(refusal)")
                #expect(refusal.description.contains("No space left"), "\(count): \(refusal)")
                #expect(!refusal.next.isEmpty, "\(count): \(refusal)")
            }
            try await expectServing(lab, "full at \(count): \(String(describing: refusal))")
            lab.world.disk.makeRoom()
            do { try await mend(lab, then, "full at \(count)") } catch {
                Issue.record("full at \(count): \(error) after \(String(describing: refusal))")
            }
        }
    }

    @Test("full at any write of a first up: said so, and with room again `up` brings the fleet up")
    func firstUp() async throws {
        for count in 0..<400 {
            let lab = OperatorLab()
            // One that can't even begin ends; here it would leave whoever waits for it waiting.
            let supervisor = lab.world.startSupervisor()
            _ = try await lab.world.run { try await supervisor.status(newerThan: nil, timeout: 0) }
            lab.world.disk.fill(after: count)
            let fleet = lab.world.newOperator()
            let refusal = await failure { _ = try await lab.world.run { try await fleet.up() } }
            guard lab.world.disk.refused > 0 else {
                #expect(refusal == nil && count > 25)
                return
            }
            if let refusal {
                #expect(refusal.description.contains("No space left"), "\(count): \(refusal)")
            }
            lab.world.disk.makeRoom()
            do {
                _ = try await lab.up()
                try await lab.expectOnly(0, version: "1.0.0", "full at \(count)")
            } catch {
                Issue.record("full at \(count): \(error) after \(String(describing: refusal))")
            }
        }
    }

    @Test("an instance that dies while the disk is full is started again")
    func healing() async throws {
        let lab = OperatorLab()
        _ = try await lab.up()
        lab.world.disk.fill(after: 0)
        lab.world.machine.kill("analytics-2-g1")
        await lab.world.pass(1)
        try await lab.world.until("it is back") { $0.status.instances.count { $0.ready } == 3 }
        lab.world.disk.makeRoom()
        _ = try await lab.up()
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("a wall clock that jumps an hour, forth or back, in a rollout changes nothing", arguments: [3600.0, -3600.0])
    func clock(jump: Double) async throws {
        for at in stride(from: 1, through: 21, by: 4) {
            let lab = OperatorLab()
            _ = try await lab.up()
            let world = lab.world
            let seams = RolloutSeams(journaled: { if $0.index == at { world.time.setWallClock(by: jump) } })
            let fleet = world.newOperator(Samples.spec("2.0.0"), seams: seams)
            _ = try await world.run { try await fleet.rollout() }
            try await lab.expectOnly(2, version: "2.0.0", "jump of \(jump) at \(at)")
            let journal = try await MemoryLedger(disk: world.disk, path: world.layout.ledger, fuse: Fuse()).journal(
                of: 2)
            #expect(journal.map(\.index) == Array(1...22))
        }
    }

    private func expectServing(_ lab: OperatorLab, _ note: String) async throws {
        let report = try await lab.world.until("it serves, \(note)") { report in
            report.status.instances.count { $0.generation == report.status.generation && $0.ready } == 3
        }
        #expect(report.status.instances.count >= 3, "\(note)")
    }

    private func mend(_ lab: OperatorLab, _ then: Then, _ note: String) async throws {
        let record = try await lab.world.ledger()
        let fleet = lab.world.newOperator(Samples.spec("1.0.0"))
        let isOpen = record.rollout?.state == .open || record.rollout?.state == .undoFailed
        switch then {
        case .resume where isOpen:
            _ = try? await lab.world.run { try await fleet.resume() }
            // Which way it went, it was told: whole it must be, and closed.
            #expect(try await lab.world.ledger().rollout?.state != .open, "\(note)")
            let version = try #require(try await lab.world.ledger().current?.release.version)
            try await lab.expectOnly(0, version: version, note)
        case .rollback where isOpen:
            _ = try await lab.world.run { try await fleet.rollback() }
            try await lab.expectOnly(0, version: "1.0.0", note)
        default:
            _ = try await lab.up()
            try await lab.expectOnly(0, version: "1.0.0", note)
        }
    }

    private func failure(_ body: () async throws -> Void) async -> Failure? {
        do { try await body() } catch { return error as? Failure }
        return nil
    }
}
