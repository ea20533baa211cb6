import Fleet
import Planning
import Ports

/// Runs a host's part of the fleet: starts, watches, proves and heals instances, and keeps edge and
/// gate in step with them. All decisions are in `InstanceMachine`; this is the shell that acts.
///
/// It can be killed at any point: what it must know again is on disk before it is relied upon, and
/// processes outlive it and are adopted.
package actor FleetSupervisor {
    struct Runner {
        var machine: InstanceMachine
        var record: ProcessRecord?
        /// The era that probes use, once known for this process.
        var era: Era?
        /// Files by which an admin changed its unit.
        var dropIns: [String] = []
        var probing: Task<Void, Never>?
        var proving: Task<Void, Never>?
        /// Proofs are taken one at a time.
        var proof: Task<Void, Never>?
    }

    let ports: SupervisorPorts
    let settings: SupervisorSettings
    let store: GenerationStore
    var book: ProcessBook
    var plans: [Int: GenerationPlan] = [:]
    var active = GenerationStore.Active(generation: nil, policyRevision: 0, retiring: [])
    var runners: [String: Runner] = [:]
    var companions: [Companion.Kind: Companion] = [:]
    /// Deaths that were seen before the start that they belong to returned.
    var earlyExits: [ProcessRecord: ProcessExit] = [:]
    var listeners: [Companion.Kind: Int32] = [:]
    var writtenPolicy: GatePolicy?
    var edgeWork: Task<Void, any Error>?
    /// The last of it, while it has not begun: whoever comes now is served by it.
    var queuedEdgeWork: Task<Void, any Error>?
    /// What the last plan of the edge was rendered to.
    var renderedEdge: (plan: EdgePlan, files: [RenderedFile])?
    /// Under way, by the release's digest.
    var sealChecks: [Digest: Task<Void, any Error>] = [:]
    var edgeFault = ""
    /// How many wait for a reload of nginx that must not wait for clients.
    var urgentEdgeWork = 0
    var certificateStamp: CertificateStamp?
    var certificateFindings: [String] = []
    /// When the stapled response is worth nothing any more, in seconds since 1970.
    var staplingEnds: Double?
    /// What was installed for nginx, by its bytes' digests.
    var installedEdge: [FileWish] = []
    var providedSlice: RenderedFile?
    var driftLog = DriftLog()
    /// By the healing that is under way.
    var healed: [String] = []
    /// What each generation was last seen to offer, by its number.
    var offers: [Int: ReleaseOffer] = [:]
    /// The last wish that servers themselves had nothing against.
    var askedServers: Digest?
    var changes = Changes()
    var figureBook = FigureBook()
    /// When somebody last wanted figures, on the monotonic clock.
    var figuresAskedAt = -Double.infinity
    /// A promise to flip, and until when it is good.
    var promise: (generation: Int, patience: Seconds, until: Double)?
    /// When the operator's last word on a trial came; nil: none since this supervisor started.
    var trialHeard: Seconds?
    var trialWatch: Task<Void, Never>?
    /// The ledger's answer to a supervisor that starts; nil: none yet.
    var ledgerSaid: Int??
    /// Whom this host serves, whatever it runs.
    var life = HostLife()
    var isShuttingDown = false
    var hasTakenOver = false
    private var finish: CheckedContinuation<Void, Never>?
    private var isFinished = false

    package init(ports: SupervisorPorts, settings: SupervisorSettings) {
        self.ports = ports
        self.settings = settings
        store = GenerationStore(files: ports.files, layout: settings.layout)
        book = ProcessBook(files: ports.files, path: settings.layout.processes)
    }

    /// Takes over what an earlier supervisor left, then watches until `shutdown`.
    package func run() async throws {
        try prepareDirectories()
        let watcher = Task { [ports] in
            for await exit in ports.processes.exits { await self.processExited(exit) }
        }
        let rotation = Task { await self.rotateLogs() }
        let certificate = Task { await self.watchCertificate() }
        let drift = Task { await self.watchDrift() }
        let figures = Task { await self.keepFigures() }
        let ledger = Task { await self.watchLedger() }
        let sharedEdge = Task { await self.watchSharedEdge() }
        defer {
            watcher.cancel()
            rotation.cancel()
            certificate.cancel()
            drift.cancel()
            figures.cancel()
            ledger.cancel()
            sharedEdge.cancel()
        }
        try await takeOver()
        if !isFinished { await withCheckedContinuation { finish = $0 } }
    }

    /// Returns when the supervisor had its turn: a watchdog that is fed after it tells of a stall.
    package func pulse() {}

    func finishRun() {
        isFinished = true
        finish?.resume()
        finish = nil
    }

    private func rotateLogs() async {
        while (try? await ports.time.sleep(10)) != nil {
            let limits = active.generation.flatMap { plans[$0] }?.logs ?? LogsSpec()
            for name in (try? ports.files.list(settings.layout.logs)) ?? [] where name.hasSuffix(".log") {
                ports.rotateLog(settings.layout.logs + "/" + name, limits)
            }
        }
    }

    /// The ports of slots that do not run now are held, so that no other local user can listen there
    /// and be taken for an instance.
    func holdIdlePorts() {
        let all = plans.values.flatMap(\.instances)
        func ports(_ instances: [InstancePlan]) -> Set<Int> {
            Set(instances.flatMap { [$0.port, $0.monitoringPort].compactMap(\.self) })
        }
        let own = ports(all.filter { isBegun($0) })
        let idle = Set(all.flatMap { [$0.siblingPort, $0.siblingMonitoringPort].compactMap(\.self) })
            .union(ports(all.filter { !isBegun($0) }))
        self.ports.sockets.hold(idle.subtracting(own))
    }

    private func prepareDirectories() throws {
        let layout = settings.layout
        for path in [layout.configuration, layout.configuration + "/gate", layout.runtime, layout.edgeRuntime] {
            try ports.files.makeDirectory(path, mode: 0o755)
        }
        for path in [layout.state, layout.generations, layout.logs, layout.instances] {
            try ports.files.makeDirectory(path, mode: path == layout.state ? 0o755 : 0o700)
        }
    }

    /// Adoption: whoever still runs goes on running; whoever is gone is started again.
    private func takeOver() async throws {
        try book.load()
        let found = try store.load()
        active = found.active
        life = try loadLife()
        for plan in found.plans { plans[plan.number] = plan }
        active.forgetAll(but: found.plans)
        // First of all: whoever finds no gate starts one.
        for kind in Companion.Kind.allCases {
            if let entry = await survivor(kind.rawValue, logFile: settings.layout.log(kind.log)) {
                companions[kind] = Companion(record: entry.record)
                if kind != .edge { listeners[kind] = ports.sockets.listener(of: entry.record.pid) }
            } else if kind == .edge, let entry = book.entries[kind.rawValue] {
                await clearEdgeOrphans(entry.record)
            }
        }
        for plan in found.plans {
            // Logged only: whoever runs goes on running.
            do { try await provideSlice(for: plan) } catch { ports.log("units: \(Self.words(error))") }
            for instance in instances(of: plan) { await takeOver(instance, plan) }
        }
        await ports.units?.sweep(except: Set(runners.keys))
        lapseLeftTrial()
        await hearLedger()
        hasTakenOver = true
        changed()
        await renewCompanions()
        if !plans.isEmpty { try? await reconcileEdge() }
        for number in active.retiring {
            Task { try? await self.retire(number, drain: plans[number]?.rollout.drain ?? 0) }
        }
        for plan in plans.values {
            let names = Set(plan.instances.map(\.name)).intersection(active.leaving)
            guard !names.isEmpty else { continue }
            Task { try? await self.retire(plan.number, only: names, drain: plan.rollout.drain) }
        }
    }

    /// Who of an earlier supervisor's runs on, in the book or not: a kill may fall between a start and its entry.
    private func survivor(_ id: String, logFile: String) async -> ProcessBook.Entry? {
        let known = book.entries[id]
        if let known, await ports.processes.adopt(known.record) { return known }
        guard let record = await ports.processes.find(id, logFile: logFile), await ports.processes.adopt(record) else {
            return nil
        }
        let entry = ProcessBook.Entry(
            record: record, restarts: known?.restarts ?? 0, startedAt: ports.time.wallClock())
        try? book.record(entry)
        return entry
    }

    /// Whoever asks while only half is found again would think that the rest is lost.
    func untilTakenOver() async { while !hasTakenOver { await nextChange() } }

    private func takeOver(_ instance: InstancePlan, _ plan: GenerationPlan) async {
        runners[instance.name] = Runner(machine: InstanceMachine(plan: instance, policy: plan.health))
        watchProof(instance)
        // Before anybody hears of it: new traffic has gone elsewhere already.
        if active.leaving.contains(instance.name) { await send(.drain, to: instance.name) }
        let now = ports.time.now()
        guard let entry = await survivor(instance.name, logFile: instance.launch.logFile) else {
            // Its leader is gone, but children of it may hold the port.
            if let record = book.entries[instance.name]?.record {
                await ports.processes.signal(record, .kill, wholeGroup: true)
            }
            // What was stopped already must not come back for its end.
            if active.leaving.contains(instance.name) { return forget(instance.name) }
            await send(.begin(at: now), to: instance.name)
            return
        }
        ports.log("adopted \(instance.name) (pid \(entry.record.pid))")
        runners[instance.name]?.record = entry.record
        let uptime = max(0, ports.time.wallClock() - entry.startedAt)
        // Also by a share: without them it would be nobody's until each was asked again, and the edge was reloaded.
        let isSharing = active.share?.generation == plan.number && active.share?.among?.contains(instance.name) == true
        let hasServed = isSharing || active.generation.map { plan.number <= $0 } ?? false
        await send(
            .adopted(restarts: entry.restarts, at: Seconds(now.value - uptime), hasServed: hasServed),
            to: instance.name)
        watchHealth(instance.name)
    }
}

/// Lets callers wait for the next change of the status.
struct Changes {
    private(set) var revision = 1
    private var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    private var nextWaiter = 0

    mutating func announce() {
        revision += 1
        let woken = waiters
        waiters = [:]
        for waiter in woken.values { waiter.resume() }
    }

    mutating func add(_ waiter: CheckedContinuation<Void, Never>) -> Int {
        nextWaiter += 1
        waiters[nextWaiter] = waiter
        return nextWaiter
    }

    mutating func give(up id: Int) { waiters.removeValue(forKey: id)?.resume() }
}

extension FleetSupervisor {
    /// Returns at the next change, or after `timeout`.
    func nextChange(within timeout: Seconds? = nil) async {
        var timer: Task<Void, Never>?
        await withCheckedContinuation { waiter in
            let id = changes.add(waiter)
            guard let timeout else { return }
            timer = Task { [time = ports.time] in
                try? await time.sleep(timeout)
                self.giveUp(id)
            }
        }
        timer?.cancel()
    }

    private func giveUp(_ id: Int) { changes.give(up: id) }

    func changed() { changes.announce() }
}
