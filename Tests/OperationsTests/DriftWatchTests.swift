import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// Files as the fake disk has them, each of the mode and owner that a test says; nobody else's processes.
final class FakeSurveyor: HostSurveyor, HostMender, ReleaseSurveyor {
    private let disk: FakeDisk
    private let modes = Mutex<[String: UInt16]>([:])
    private let restored = Mutex<[String]>([])

    init(_ disk: FakeDisk) { self.disk = disk }

    var mended: [String] { restored.withLock { $0 } }
    func setMode(_ path: String, _ mode: UInt16) { modes.withLock { $0[path] = mode } }

    let user: UInt32 = 7
    func file(_ path: String) throws -> FileFact? {
        let isDirectory = !disk.below(path).isEmpty
        guard isDirectory || disk[path] != nil else { return nil }
        return FileFact(
            nature: isDirectory ? .directory : .file, mode: modes.withLock { $0[path] } ?? 0o600, owner: 7,
            ownerName: "ops", digest: disk[path].flatMap { .of($0) })
    }
    func program(_ path: String) -> String? { nil }
    func process(_ pid: Int32) -> ProcessFact? { nil }
    func table() throws -> ProcessTable { ProcessTable() }
    func changes(of release: Digest) throws -> [ReleaseChange] { [] }
    func restore(_ path: String, mode: UInt16?, owner: UInt32?) throws {
        if let mode { setMode(path, mode) }
        restored.withLock { $0.append(path) }
    }
    func putAside(_ path: String, into quarantine: String) throws -> String {
        let content = disk.below(path) + [path]
        for file in content {
            disk[quarantine + file] = disk[file]
            disk.remove(file)
        }
        return quarantine + path
    }
}

@Suite("A supervisor that looks for drift", .timeLimit(.minutes(10)))
struct DriftWatchTests {
    private let world = FakeWorld()
    private let surveyor: FakeSurveyor

    init() {
        let surveyor = FakeSurveyor(world.disk)
        self.surveyor = surveyor
        world.drift.withLock { $0 = DriftPorts(surveyor: surveyor, releases: surveyor, mender: surveyor) }
    }

    private func up() async throws -> FleetSupervisor {
        let fleet = world.newOperator()
        _ = try await world.run { try await fleet.up() }
        try await world.until("converged") { $0.status.converged }
        return try #require(world.supervisor)
    }

    private func lines(_ part: String) -> [String] {
        world.log.withLock { $0.filter { $0.hasPrefix("drift: ") && $0.contains(part) } }
    }

    @Test("the loop tells a difference once, and once when it is gone, and no instance is touched")
    func loop() async throws {
        _ = try await up()
        let starts = world.machine.starts
        let path = world.layout.generations + "/1.plan.json"
        let before = world.disk[path]
        world.disk[path] = "{}"
        await world.pass(450)
        #expect(lines("record " + path).count == 1)
        world.disk[path] = before
        await world.pass(230)
        #expect(lines("record \(path): gone").count == 1)
        #expect(world.machine.starts == starts)
    }

    @Test("healing writes records and policy again, mends modes, puts strays aside, and restarts nothing")
    func healing() async throws {
        let supervisor = try await up()
        let (starts, layout) = (world.machine.starts, world.layout)
        let before = world.disk[layout.generations + "/1.plan.json"]
        world.disk[layout.generations + "/1.plan.json"] = "{}"
        world.disk[layout.gatePolicy] = "{\"revision\": 99}"
        world.disk[layout.instance("analytics-1-g1") + "/copy"] = "a copy"
        surveyor.setMode(layout.instance("analytics-1-g1") + "/password", 0o644)
        let found = try await world.run { try await DriftJudge(supervisor.survey()).report.findings }
        #expect(Set(found.map(\.kind)).isSuperset(of: [.record, .policy, .stray, .mode]))
        let healed = try await world.run { try await supervisor.heal() }
        #expect(healed.count >= 4)
        #expect(world.disk[layout.generations + "/1.plan.json"] == before)
        #expect(world.disk[layout.gatePolicy]?.contains("99") == false)
        #expect(surveyor.mended.contains(layout.instance("analytics-1-g1") + "/password"))
        #expect(world.disk[layout.instance("analytics-1-g1") + "/copy"] == nil)
        #expect(world.machine.starts == starts)
    }

    @Test("nothing of a survey is a secret")
    func secrets() async throws {
        let supervisor = try await up()
        world.disk[world.layout.instance("analytics-1-g1") + "/uri"] = "mongodb://x:hush99@127.0.0.1/"
        let survey = try await world.run { try await supervisor.survey() }
        let text = try StableJSON.text(survey)
        #expect(survey.credentials.contains { $0.fault != nil })
        #expect(!text.contains("hush"))
    }
}
