import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// A whole pretended host: disk, processes, database, clock. Supervisors and operators come, are
/// killed, and come again over the same world.
final class FakeWorld: Sendable {
    private struct Life {
        var number: Int
        var supervisor: FleetSupervisor
        var fuse: Fuse
    }

    let layout: FleetLayout
    let disk = FakeDisk()
    let machine: FakeMachine
    let database: FakeDatabase
    let time: FakeTime
    let prober: FakeProber
    let edge = FakeEdge()
    let sharedEdge = FakeSharedEdge()
    let sockets: FakeSockets
    let certificates = FakeCertificates()
    let units: FakeUnits
    let meter = FakeMeter()
    /// Asks servers what they say of their settings; nil: they can't be asked.
    let dryRunner = Mutex<(any DryRunner)?>(nil)
    let seal = FakeSeal()
    let shelf = FakeShelf()
    let secrets = FakeSecrets()
    /// Sessions that the gate counts.
    let sessions = FakeSessions()
    let log = Mutex<[String]>([])
    /// Ids of daemons that are an older program than the supervisors that start from now on.
    let outdated = Mutex<Set<ProcessRecord>>([])
    /// Supervisors are of another version: what they say of instances means nothing to operators.
    let isForeign = Mutex(false)
    /// What its supervisors look for drift with; none of them looks without it.
    let drift = Mutex<DriftPorts?>(nil)
    /// Nobody calls here: most tests need not wait for clients before each reload.
    let closing = Mutex<Seconds>(0)
    /// Whether its supervisors can read the fleet's ledger by themselves.
    let hasLedger = Mutex(false)
    /// What it says then; nil: it is away.
    let left = Mutex<[LeftHost]?>([])
    private let lives = Mutex<(count: Int, now: Life?)>((0, nil))

    /// Worlds of one fleet share database and clock.
    init(root: String = "/fleet", database: FakeDatabase = FakeDatabase(), time: FakeTime = FakeTime()) {
        self.database = database
        self.time = time
        layout = FleetLayout(root: root)
        machine = FakeMachine(disk: disk, policyPath: layout.gatePolicy)
        prober = FakeProber(machine: machine)
        units = FakeUnits(disk: disk)
        sockets = FakeSockets(machine: machine, sharedEdge: sharedEdge)
        disk["/fleet/admin-uri"] = "mongodb://admin:hush0@127.0.0.1:27017/\n"
    }

    // MARK: Supervisors

    var supervisor: FleetSupervisor? { lives.withLock { $0.now?.supervisor } }

    @discardableResult
    func startSupervisor() -> FleetSupervisor {
        let fuse = Fuse()
        var ports = SupervisorPorts(
            processes: FakeProcesses(machine: machine, fuse: fuse), units: units.isNeeded ? units : nil, prober: prober,
            proofs: FakeProofs(database: database), edge: FusedEdge(edge: edge, fuse: fuse),
            sharedEdge: { [sharedEdge] in sharedEdge.including($0) },
            certificate: certificates.isNeeded ? certificates : nil,
            gate: FakeGate(machine: machine, sessions: sessions), seal: seal, files: FakeFiles(disk: disk, fuse: fuse),
            sockets: sockets, time: FakeTimepiece(time: time, fuse: fuse),
            log: { [self] line in log.withLock { $0.append(line) } }, meter: meter.isNeeded ? meter : nil,
            isOutdated: { [self] record in outdated.withLock { $0.contains(record) } })
        ports.drift = drift.withLock { $0 }
        if hasLedger.withLock({ $0 }) {
            ports.left = { [self] in
                guard let known = left.withLock({ $0 }) else {
                    throw Failure(.unavailable, "cannot read the ledger", because: "it is away", next: "")
                }
                return known
            }
        }
        ports.dryRunner = dryRunner.withLock { $0 }
        let settings = SupervisorSettings(
            layout: layout, executable: "/convoy", version: "1", pid: 1,
            developmentIssuer: { _ in GatePolicy.Issuer(url: "http://issuer", jwks: .object([:])) }, gateUser: nil,
            closing: closing.withLock { $0 })
        let supervisor = FleetSupervisor(ports: ports, settings: settings)
        let number = lives.withLock { lives in
            lives.count += 1
            lives.now = Life(number: lives.count, supervisor: supervisor, fuse: fuse)
            return lives.count
        }
        Task {
            try? await supervisor.run()
            lives.withLock { lives in if lives.now?.number == number { lives.now = nil } }
        }
        return supervisor
    }

    /// As KILL does: no last word, and what it started goes on.
    func killSupervisor() {
        let life = lives.withLock { lives -> Life? in
            defer { lives.now = nil }
            return lives.now
        }
        life?.fuse.blow()
    }

    // MARK: Operators

    /// A new `convoy` over this world; it is killed at its call number `blowAt`.
    func newOperator(
        _ spec: FleetSpec = Samples.spec(), profile: Profile = Samples.profile, fuse: Fuse = Fuse(),
        seams: RolloutSeams = RolloutSeams(), isInterrupted: @escaping @Sendable () -> Bool = { false }
    ) -> FleetOperator {
        let control = FakeControl(world: self, fuse: fuse)
        var ports = OperatorPorts(
            releases: FakeReleases(shelf: shelf, fuse: fuse),
            users: { [database] _ in FakeUsers(database: database, fuse: fuse) },
            instanceURI: { FakeProofs.uri($0, $1, $2) }, control: control,
            launcher: FakeLauncher(world: self, fuse: fuse),
            sharedEdge: { [sharedEdge] in sharedEdge.including($0) },
            ledger: MemoryLedger(disk: disk, path: layout.ledger, fuse: fuse),
            files: FakeFiles(disk: disk, fuse: fuse), secrets: secrets, vault: units.isNeeded ? units : nil,
            time: FakeTimepiece(time: time, fuse: fuse), progress: Silence(), isInterrupted: isInterrupted)
        ports.members = [FleetMember(name: "local", control: control)]
        return FleetOperator(
            ports: ports,
            context: FleetContext(
                spec: spec, profile: profile, layout: layout, lockFile: "/fleet/fleet.lock",
                adminFile: "/fleet/admin-uri"), seams: seams)
    }

    func ledger() async throws -> LedgerRecord {
        try await MemoryLedger(disk: disk, path: layout.ledger, fuse: Fuse()).load()
    }

    // MARK: Time

    /// Runs `body` and turns the clock for as long as it waits for something.
    func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let isDone = Mutex(false)
        let finished: @Sendable () -> Bool = { isDone.withLock { $0 } }
        let task = Task {
            defer { isDone.withLock { $0 = true } }
            return try await body()
        }
        for turns in 0... {
            for _ in 0..<20 where !finished() { await Task.yield() }
            if !finished() { await Stillness.shared.come() }
            if finished() { break }
            if turns > 100_000 {
                Issue.record("it hangs: \(log.withLock { $0.suffix(20) })")
                task.cancel()
                throw CancellationError()
            }
            time.turn()
        }
        return try await task.value
    }

    /// Turns the clock until the supervisor's status is as wished.
    @discardableResult
    func until(
        _ what: String, _ condition: @escaping @Sendable (StatusReport) -> Bool
    ) async throws -> StatusReport {
        var last: StatusReport?
        for _ in 0..<3000 {
            if let supervisor {
                let report = try await run { try await supervisor.status(newerThan: nil, timeout: 0) }
                if condition(report) { return report }
                last = report
            }
            await Stillness.shared.come()
            time.turn()
        }
        Issue.record("never came: \(what); \(String(describing: last?.status)); \(log.withLock { $0.suffix(20) })")
        throw CancellationError()
    }

    /// Lets `seconds` go by, waking everybody who waits for a moment on the way.
    func pass(_ seconds: Double) async {
        let end = time.now + seconds
        while time.now < end {
            await Stillness.shared.come()
            time.turn(limit: end)
        }
        await Stillness.shared.come()
    }
}

struct Silence: Progress {
    func step(_ text: String) {}
    func detail(_ text: String) {}
}

struct FakeLauncher: SupervisorLauncher {
    let world: FakeWorld
    let fuse: Fuse

    func ensureRunning() async throws -> Bool {
        try fuse.pass()
        guard world.supervisor == nil else { return false }
        world.startSupervisor()
        return true
    }
}

/// The control socket: an operator's calls to whichever supervisor runs now.
struct FakeControl: FleetControl {
    let world: FakeWorld
    let fuse: Fuse

    private func reach() throws -> FleetSupervisor {
        try fuse.pass()
        guard let supervisor = world.supervisor else {
            throw Failure(.unavailable, "cannot reach the supervisor", because: "nobody listens", next: "")
        }
        return supervisor
    }

    func status(newerThan revision: Int?, timeout: Seconds) async throws -> StatusReport {
        let report = try await reach().status(newerThan: revision, timeout: timeout)
        guard world.isForeign.withLock({ $0 }), !report.status.instances.isEmpty else { return report }
        throw Failure(.failed, "not the same protocol", because: "its status can't be read", next: "restart it")
    }
    func begin(_ plan: GenerationPlan) async throws { try await reach().begin(plan) }
    func flip(to generation: Int) async throws { try await reach().flip(to: generation) }
    func retire(_ generation: Int, drain: Seconds) async throws {
        try await reach().retire(generation, drain: drain)
    }
    func share(_ generation: Int, part: Double) async throws { try await reach().share(generation, part: part) }
    func balance(_ generation: Int) async throws { try await reach().balance(generation) }
    func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws {
        try await reach().begin(plan, only: instances)
    }
    func retire(_ generation: Int, only instances: Set<String>?, drain: Seconds) async throws -> DrainReport {
        try await reach().retire(generation, only: instances, drain: drain)
    }
    func promise(_ generation: Int, patience: Seconds) async throws {
        try await reach().promise(generation, patience: patience)
    }
    func lend(_ generation: Int, part: Double?) async throws { try await reach().lend(generation, part: part) }
    func attempt(_ generation: Int) async throws { try await reach().attempt(generation) }
    func hold(_ generation: Int) async throws { try await reach().hold(generation) }
    func seal(_ generation: Int) async throws { try await reach().seal(generation) }
    func finish(_ generation: Int) async throws { try await reach().finish(generation) }
    func offer(of generation: Int) async throws -> ReleaseOffer? { try await reach().offer(of: generation) }
    func rehearse(_ plan: GenerationPlan) async throws { try await reach().rehearse(plan) }
    func check() async throws { try await reach().check() }
    func shutdown(drain: Seconds) async throws { try await reach().shutdown(drain: drain) }
    func cordon() async throws { try await reach().cordon() }
    func drain(deadline: Seconds) async throws -> DrainReport { try await reach().drain(deadline: deadline) }
    func uncordon(generation: Int) async throws { try await reach().uncordon(generation: generation) }
    func leave(rollout: Int) async throws { try await reach().leave(rollout: rollout) }
    func welcome(generation: Int, upTo rollout: Int) async throws {
        try await reach().welcome(generation: generation, upTo: rollout)
    }
    func guests() async throws -> Int { try await reach().guests() }
}
