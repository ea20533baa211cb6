import Fleet
import Planning
import Ports
import Testing

@testable import Operations

@Suite("ReleaseInventory", .timeLimit(.minutes(10)))
struct ReleaseInventoryTests {
    private let lab = OperatorLab()
    private var world: FakeWorld { lab.world }

    private func inventory(lockFile: String = "/fleet/fleet.lock") -> ReleaseInventory {
        ReleaseInventory(
            releases: FakeReleases(shelf: world.shelf, fuse: Fuse()),
            ledger: MemoryLedger(disk: world.disk, path: world.layout.ledger, fuse: Fuse()),
            files: FakeFiles(disk: world.disk), layout: world.layout, lockFile: lockFile)
    }

    private func kept(lockFile: String = "/fleet/fleet.lock") async throws -> [String: [PruneJudge.Reason]] {
        let list = try await inventory(lockFile: lockFile).list()
        return Dictionary(list.map { ($0.reference.version, $0.kept) }, uniquingKeysWith: { first, _ in first })
    }

    @Test("each release is listed with why it is kept")
    func list() async throws {
        for version in ["1.0.0", "2.0.0", "3.0.0"] { _ = try await lab.up(version) }
        #expect(
            try await kept() == ["1.0.0": [.locked], "2.0.0": [.previous, .locked], "3.0.0": [.serves, .locked]])
        #expect(try await kept(lockFile: "/none") == ["1.0.0": [], "2.0.0": [.previous], "3.0.0": [.serves]])
    }

    @Test("prune removes what nobody needs, with what is noted of it, and nothing when it is run again")
    func prune() async throws {
        for version in ["1.0.0", "2.0.0", "3.0.0"] { _ = try await lab.up(version) }
        let noted = world.layout.offers + "/" + String(repeating: "1", count: 64) + "-0123456789ab.json"
        let other = world.layout.offers + "/" + String(repeating: "3", count: 64) + "-0123456789ab.json"
        for path in [noted, other, world.layout.offers + "/README"] { world.disk[path] = "{}" }
        #expect(try await inventory().prune(alsoLocked: false) {}.isEmpty)
        let removed = try await inventory().prune(alsoLocked: true) {}
        #expect(removed.map(\.reference.version) == ["1.0.0"])
        #expect(try await kept().keys.sorted() == ["2.0.0", "3.0.0"])
        #expect(world.disk[noted] == nil && world.disk[other] == "{}")
        #expect(world.disk[world.layout.offers + "/README"] == "{}")
        #expect(try await inventory().prune(alsoLocked: true) {}.isEmpty)
    }

    @Test("the release of a rollout that was cut is kept, and so is what a supervisor still runs")
    func open() async throws {
        _ = try await lab.up()
        let cut = Fuse()
        let seams = RolloutSeams(journaled: { if $0.step == "start", $0.mark == .done { cut.blow() } })
        let fleet = world.newOperator(Samples.spec("2.0.0"), fuse: cut, seams: seams)
        try? await world.run { _ = try await fleet.rollout() }
        #expect(cut.isBlown)
        #expect(try await kept(lockFile: "/none")["2.0.0"] == [.next, .runs])
        #expect(try await inventory(lockFile: "/none").prune(alsoLocked: true) {}.isEmpty)
    }

    @Test("a lease that is lost ends the pruning before anything else is removed")
    func lost() async throws {
        for version in ["1.0.0", "2.0.0", "3.0.0"] { _ = try await lab.up(version) }
        await #expect(throws: Failure.self) {
            try await inventory().prune(alsoLocked: true) { throw Failure.leaseIsLost(because: "test") }
        }
        #expect(try await kept().count == 3)
    }

    @Test("after a prune, rollback goes to the generation before with nobody there to fetch from")
    func offline() async throws {
        for version in ["1.0.0", "2.0.0", "3.0.0"] { _ = try await lab.up(version) }
        _ = try await inventory().prune(alsoLocked: true) {}
        let plain = world.newOperator(Samples.spec("3.0.0"))
        var ports = plain.ports
        ports.releases = CutOffReleases(local: ports.releases)
        let fleet = FleetOperator(ports: ports, context: plain.context)
        _ = try await world.run { try await fleet.rollback() }
        try await lab.expectOnly(4, version: "2.0.0")
    }
}

/// Has what it has: whoever asks for more fails the test.
private struct CutOffReleases: ReleaseStore {
    let local: any ReleaseStore

    func resolve(_ reference: ReleaseReference, constraints: [String]) async throws -> LockedRelease {
        Issue.record("\(reference) was to be resolved")
        throw CancellationError()
    }
    func install(_ locked: LockedRelease) async throws -> InstalledRelease {
        Issue.record("\(locked.reference) was to be fetched")
        throw CancellationError()
    }
    func verify(_ digest: Digest) async throws { try await local.verify(digest) }
    func command(_ command: String, of release: InstalledRelease) async throws -> ReleaseCommand {
        try await local.command(command, of: release)
    }
    func list() async throws -> [InstalledRelease] { try await local.list() }
    func remove(_ digest: Digest) async throws { try await local.remove(digest) }
}
