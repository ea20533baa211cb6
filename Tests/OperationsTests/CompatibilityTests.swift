import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// Generation 1 lists `list` and `find`; what version 2.0.0 lists, each test says.
@Suite("What callers would meet, before the flip", .timeLimit(.minutes(10)))
struct CompatibilityTests {
    private let lab = OperatorLab()
    private var world: FakeWorld { lab.world }
    private let told = Told()

    private static func offer(_ tools: String..., eras: [Era] = [.modern], needing: String? = nil) -> ReleaseOffer {
        let schema: JSONValue = .object(needing.map { ["required": .array([.string($0)])] } ?? [:])
        return ReleaseOffer(
            eras: eras, listing: tools.map { .object(["name": .string($0), "inputSchema": schema]) })
    }

    /// An operator who looks before he flips, and at whether there is room.
    private func looking(
        _ version: String, accepts: Bool = false, cutBy fuse: Fuse? = nil, room: RoomFigures = RoomFigures()
    ) -> FleetOperator {
        let plain = world.newOperator(Samples.spec(version), fuse: fuse ?? Fuse())
        var ports = plain.ports
        ports.progress = told
        // Told so, it dies when all of the next generation is on its way.
        let seams = RolloutSeams(
            acceptsBreaking: accepts, journaled: { if $0.step == "start", $0.mark == .done { fuse?.blow() } }
        )
        .watching(ports, layout: world.layout, room: FixedRoom(room: room))
        return FleetOperator(ports: ports, context: plain.context, seams: seams)
    }

    private func up(then next: ReleaseOffer) async throws {
        world.prober.list { $0.expectedVersion == "1.0.0" ? Self.offer("list", "find") : next }
        let first = looking("1.0.0")
        _ = try await world.run { try await first.up() }
    }

    @Test("a tool less undoes the rollout before its flip, with the tool's name; nothing has changed")
    func removed() async throws {
        try await up(then: Self.offer("list"))
        let fleet = looking("2.0.0")
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.code == .failed)
        #expect(refusal.why.contains("tool find no longer listed"), "\(refusal)")
        #expect(refusal.why.contains("--accept-breaking"))
        #expect(!world.log.withLock { $0.contains("generation 2 serves") })
        try await lab.expectOnly(1, version: "1.0.0")
        #expect(told.lines.contains("compared with generation 1: tools: 1 removed"))
        #expect(told.lines.contains("  - tool find (breaks)"))
        let journal = try await MemoryLedger(disk: world.disk, path: world.layout.ledger, fuse: Fuse()).journal(of: 2)
        #expect(journal.last { $0.mark == .failed }?.step == "compare")
    }

    @Test(
        "an argument that is required now, or an era less, is a reason, too",
        arguments: [
            (offer("list", "find", needing: "db"), "find: db is new and required"),
            (offer("list", "find", eras: [.legacy]), "era modern lost"),
        ])
    func other(next: ReleaseOffer, words: String) async throws {
        try await up(then: next)
        let fleet = looking("2.0.0")
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.why.contains(words), "\(refusal)")
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("with --accept-breaking it goes on, and says what callers lose")
    func accepted() async throws {
        try await up(then: Self.offer("list"))
        let fleet = looking("2.0.0", accepts: true)
        _ = try await world.run { try await fleet.rollout() }
        try await lab.expectOnly(2, version: "2.0.0")
        #expect(told.lines.contains("  - tool find (breaks)"))
        #expect(try await world.ledger().rollout?.acceptsBreaking == true)
    }

    @Test("a tool more is told, and refuses nothing")
    func added() async throws {
        try await up(then: Self.offer("list", "find", "new"))
        let fleet = looking("2.0.0")
        _ = try await world.run { try await fleet.rollout() }
        try await lab.expectOnly(2, version: "2.0.0")
        #expect(told.lines.contains("  + tool new"))
        #expect(try await world.ledger().rollout?.acceptsBreaking == nil)
        let journal = try await MemoryLedger(disk: world.disk, path: world.layout.ledger, fuse: Fuse()).journal(of: 2)
        let compared = journal.first { $0.step == "compare" && $0.mark == .done }
        #expect(compared?.detail == "compared with generation 1: tools: 1 added")
        #expect(journal.filter { $0.mark == .done && $0.step != "compare" }.allSatisfy { $0.detail.isEmpty })
    }

    @Test("a rollback is never refused: what the way forward added must not close the way back")
    func rollback() async throws {
        try await up(then: Self.offer("list", "find", "new"))
        let fleet = looking("2.0.0")
        _ = try await world.run { try await fleet.rollout() }
        let back = looking("2.0.0")
        _ = try await world.run { try await back.rollback() }
        try await lab.expectOnly(3, version: "1.0.0")
        #expect(told.lines.contains("  - tool new (breaks)"))
    }

    @Test("a rollout that was told to accept it still does after a cut, without being told again")
    func resumed() async throws {
        try await up(then: Self.offer("list"))
        let cut = Fuse()
        let fleet = looking("2.0.0", accepts: true, cutBy: cut)
        try? await world.run { _ = try await fleet.rollout() }
        #expect(cut.isBlown)
        let next = looking("1.0.0")
        let outcome = try await world.run { try await next.resume() }
        guard case .went(.converged(2, _, _, _)) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        try await lab.expectOnly(2, version: "2.0.0")
    }

    @Test("where nobody tells what it lists, the rollout says so and goes on")
    func unknown() async throws {
        world.prober.list { _ in nil }
        let first = looking("1.0.0")
        _ = try await world.run { try await first.up() }
        let fleet = looking("2.0.0")
        _ = try await world.run { try await fleet.rollout() }
        try await lab.expectOnly(2, version: "2.0.0")
        #expect(told.lines.contains("what generations 1 and 2 offer can't be compared"))
    }

    @Test("a plan knows a release that was refused once, without starting it; one never seen it does not")
    func plan() async throws {
        try await up(then: Self.offer("list"))
        let before = looking("2.0.0")
        let unseen = try await world.run { try await before.plan() }
        #expect(unseen.compatibility?.known == false && unseen.compatibility?.to == "2.0.0")
        let fleet = looking("2.0.0")
        _ = try await failure { _ = try await world.run { try await fleet.rollout() } }
        let starts = world.machine.starts
        let after = looking("2.0.0")
        let seen = try await world.run { try await after.plan() }
        #expect(seen.compatibility?.toolsRemoved == ["find"] && seen.compatibility?.breaking == true)
        #expect(world.machine.starts == starts)
        let same = looking("1.0.0")
        #expect(try await world.run { try await same.plan() }.compatibility == nil)
    }

    @Test("no room: nothing is made, nothing is started, and the reason has its figures")
    func room() async throws {
        try await up(then: Self.offer("list", "find"))
        let (users, starts) = (world.database.users, world.machine.starts)
        let full = RoomFigures(disks: [.init(path: "/fleet", freeBytes: 1_000_000, freeFiles: nil)])
        let fleet = looking("2.0.0", room: full)
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.code == .failed)
        #expect(refusal.why.contains("/fleet has 1000 kB left, 8000 kB are needed"), "\(refusal)")
        #expect(world.database.users == users && world.machine.starts == starts)
        try await lab.expectOnly(1, version: "1.0.0")
        let planned = looking("2.0.0", room: full)
        #expect(try await world.run { try await planned.plan() }.warnings.count == 1)
    }

    @Test("too little memory by an estimate stops a rollout, and is only told on the way back")
    func memory() async throws {
        try await up(then: Self.offer("list", "find"))
        let first = looking("2.0.0")
        _ = try await world.run { try await first.rollout() }
        let pids = world.machine.ids.compactMap { world.machine.running($0)?.record.pid }
        let used = RoomFigures.Process(ownBytes: 100_000_000, openFiles: 9)
        let scarce = RoomFigures(
            memoryAvailable: 300_000_000, processes: Dictionary(uniqueKeysWithValues: pids.map { ($0, used) }))
        let forth = looking("3.0.0", room: scarce)
        let refusal = try await failure { _ = try await world.run { try await forth.rollout() } }
        #expect(refusal.why.contains("about 330 MB") && refusal.why.contains("300 MB are available"), "\(refusal)")
        let back = looking("2.0.0", room: scarce)
        _ = try await world.run { try await back.rollback() }
        #expect(told.lines.contains { $0.hasPrefix("note: memory: 3 instances") })
        try await lab.expectOnly(4, version: "1.0.0")
    }

    @Test("a server that refuses its settings is heard before anything is made; no secret is told, its bytes are right")
    func dryRun() async throws {
        let server = FakeDryRunner()
        world.dryRunner.withLock { $0 = server }
        try await up(then: Self.offer("list", "find"))
        let users = world.database.users
        world.disk["/fleet/var/lib/convoy/releases/\(String(repeating: "2", count: 64))/tiny"] = "program"
        var profile = Samples.profile
        profile.dryRun = Profile.DryRun(arguments: ["--check"], deadline: 3)
        func next() -> FleetOperator {
            let plain = world.newOperator(Samples.spec("2.0.0"), profile: profile)
            let seams = RolloutSeams().watching(
                plain.ports, layout: world.layout, room: FixedRoom(room: RoomFigures()))
            return FleetOperator(ports: plain.ports, context: plain.context, seams: seams)
        }
        world.seal.breakSeal(Failure(.failed, "tampered with", because: "a byte", next: "fetch it again"))
        let tampered = next()
        let alarm = try await failure { _ = try await world.run { try await tampered.rollout() } }
        #expect(alarm.why.contains("tampered with"), "\(alarm)")
        #expect(server.asked.withLock { $0.isEmpty }, "a release that was tampered with was run")
        world.seal.breakSeal(nil)

        server.answer.withLock { $0 = "size must be even (exit 1)" }
        let refused = next()
        let refusal = try await failure { _ = try await world.run { try await refused.rollout() } }
        let wanted = "tiny 2.0.0 refuses the settings of pool analytics: size must be even"
        #expect(refusal.why.contains(wanted), "\(refusal)")
        #expect(world.database.users == users)
        try await lab.expectOnly(1, version: "1.0.0")

        server.answer.withLock { $0 = nil }
        let taken = next()
        _ = try await world.run { try await taken.rollout() }
        try await lab.expectOnly(4, version: "2.0.0")
        let asked = server.asked.withLock { $0 }
        #expect(asked.count == 2, "one of each pool, each time: \(asked)")
        #expect(asked.allSatisfy { $0.arguments.last == "--check" && $0.deadline == 3 })
        #expect(
            asked.last?.environment["TINY_URI"] == "mongodb://dry-run:dry-run@127.0.0.1:1/?authSource=admin")
        #expect(asked.last?.environment["TINY_HEADERS"] == #"{"x-convoy-secret":"dry-run"}"#)
    }

    @Test("an edge that nginx refuses is found before anything is made, in nginx's words; nothing was installed")
    func edge() async throws {
        try await up(then: Self.offer("list", "find"))
        let (users, installs) = (world.database.users, world.edge.installs)
        let next = try #require(try await world.ledger().current?.instances.first)
        // Its own ports are in the configuration always; only as its leader it says another limit.
        world.edge.dislike("client_max_body_size 7")
        let plain = world.newOperator(Samples.spec("2.0.0") { $0.pools[0].limits = LimitsSpec(body: 7_000_000) })
        let seams = RolloutSeams().watching(plain.ports, layout: world.layout, room: FixedRoom(room: RoomFigures()))
        let fleet = FleetOperator(ports: plain.ports, context: plain.context, seams: seams)
        let refusal = try await failure { _ = try await world.run { try await fleet.rollout() } }
        #expect(refusal.why.contains("nginx dislikes"), "\(refusal)")
        #expect(world.database.users == users && world.edge.installs == installs)
        #expect(world.edge.upstream(next.port) != nil)
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("a fleet that is not whole may be rolled, and that is said")
    func unconverged() async throws {
        try await up(then: Self.offer("list", "find"))
        world.prober.answer { $0.expectedVersion == "1.0.0" ? .wrong("Access denied") : .well }
        try await world.until("unfit") { $0.status.instances.allSatisfy { !$0.ready } }
        let fleet = looking("2.0.0")
        _ = try await world.run { try await fleet.rollout() }
        try await lab.expectOnly(2, version: "2.0.0")
        #expect(told.lines.contains { $0.hasPrefix("note: generation 1 is not whole (analytics-1-g1 is ") })
    }
}

private final class Told: Progress {
    private let steps = Mutex<[String]>([])

    var lines: [String] { steps.withLock { $0 } }
    func step(_ text: String) { steps.withLock { $0.append(text) } }
    func detail(_ text: String) {}
}
