import Fleet
import Planning
import Ports

/// The supervisor's own processes beside the instances. The refresher is there only for fleets whose issuers
/// have to be asked.
struct Companion {
    enum Kind: String, CaseIterable {
        case refresher, gate, edge

        /// The log that it writes to, by its name in `FleetLayout`.
        var log: String { self == .edge ? "edge-error" : rawValue }
    }

    var record: ProcessRecord?
    /// The whole fleet waits for them: short pauses only, within which nginx keeps a request.
    var restart = RestartMachine(
        policy: RestartMachine.Policy(firstPause: 0.05, factor: 2, longestPause: 0.5, forgetAfter: 5))
    var fault = ""
    /// Two callers that find it missing at once must not start two.
    var start: Task<Void, any Error>?
}

extension FleetSupervisor {
    func companionExited(_ kind: Companion.Kind, _ exit: ProcessExit) async {
        guard companions[kind]?.record == exit.record else {
            earlyExits[exit.record] = exit
            return
        }
        companions[kind]?.record = nil
        companions[kind]?.fault = exit.cause.words
        ports.log("\(kind.rawValue) \(exit.cause.words)")
        changed()
        guard !isShuttingDown else { return }
        if kind == .edge { await clearEdgeOrphans(exit.record) }
        let event = RestartMachine.Event.died(at: ports.time.now(), dice: Double.random(in: 0..<1))
        for action in companions[kind]?.restart.handle(event) ?? [] {
            switch action {
            case .start: await revive(kind)
            case .startAfter(let delay):
                Task {
                    try? await ports.time.sleep(delay)
                    await revive(kind)
                }
            }
        }
    }

    private func revive(_ kind: Companion.Kind) async {
        guard !isShuttingDown, companions[kind]?.record == nil else { return }
        do {
            try await ensure(kind)
            changed()
        } catch {
            companions[kind]?.fault = Self.words(error)
            ports.log("cannot start \(kind.rawValue): \(Self.words(error))")
            let event = RestartMachine.Event.died(at: ports.time.now(), dice: Double.random(in: 0..<1))
            guard case .startAfter(let delay)? = companions[kind]?.restart.handle(event).first else { return }
            Task {
                try? await ports.time.sleep(delay)
                await revive(kind)
            }
        }
    }

    func ensureCompanions() async throws {
        try await ensureRefresher()
        try await ensure(.gate)
        try giveGate()
        // Somebody else's server is neither started nor stopped.
        if edgeServer.isOwnProcess { try await ensure(.edge) }
    }

    /// systemd listens for the fleet's own nginx. The workers of another get there only once that nginx goes by what
    /// this supervisor has proved: at a boot it runs before us, with the configuration of yesterday.
    private func giveGate() throws {
        guard let units = ports.units, !edgeServer.isOwnProcess, let workers = try? edgeWorkers() else { return }
        try units.give(settings.layout.gateSocket, to: workers)
    }

    /// Another nginx may come later than we do, or as another user; and systemd may listen anew.
    func watchSharedEdge() async {
        while (try? await ports.time.sleep(Self.sharedEdgePause)) != nil {
            guard !plans.isEmpty, !isShuttingDown, !edgeServer.isOwnProcess, edgeServer.master() != nil else {
                continue
            }
            if edgeFault.isEmpty { try? giveGate() } else { try? await reconcileEdge() }
        }
    }

    private static var sharedEdgePause: Seconds { 5 }

    func ensure(_ kind: Companion.Kind) async throws {
        guard companions[kind]?.record == nil else { return }
        if let start = companions[kind]?.start { return try await start.value }
        let start = Task {
            switch kind {
            case .refresher: try await startRefresher()
            case .gate: try await startGate()
            case .edge: try await startEdge()
            }
        }
        companions[kind, default: Companion()].start = start
        defer { companions[kind]?.start = nil }
        try await start.value
    }

    /// After an upgrade: gate and refresher are this same program, and theirs is the one before. Their listeners
    /// outlive them, so nobody who asks meanwhile is turned away. Before the first policy of the new kind is
    /// written: the new ones read old files, the old ones need not read new. nginx is not ours to renew.
    func renewCompanions() async {
        for kind in [Companion.Kind.refresher, .gate] {
            guard let record = companions[kind]?.record, ports.isOutdated(record) else { continue }
            ports.log("\(kind.rawValue) (pid \(record.pid)) is an older convoy: the new one takes its place")
            await ports.processes.signal(record, .term, wholeGroup: false)
            let deadline = ports.time.now().value + Self.renewal
            while companions[kind]?.record == record, ports.time.now().value < deadline {
                await nextChange(within: 0.1)
            }
            guard companions[kind]?.record == record else { continue }
            // It ends the questions that it has; who can't is no use to them either.
            await ports.processes.signal(record, .kill, wholeGroup: true)
        }
    }

    /// Longer than a gate takes to end its questions.
    private static var renewal: Double { 6 }

    private func startGate() async throws {
        let layout = settings.layout
        let plan = ProcessPlan(
            id: Companion.Kind.gate.rawValue, executable: settings.executable,
            arguments: [
                "gate", "--policy", layout.gatePolicy, "--sessions", layout.gateRuntime, "--refresher",
                layout.refresherSocket,
            ], environment: [:], workingDirectory: "/", logFile: layout.log("gate"),
            listeners: try ownListeners(of: .gate, at: layout.gateSocket) { try edgeWorkers() },
            runAs: settings.gateUser,
            ownDirectories: [layout.gateRuntime])
        try await start(.gate, plan)
    }

    /// Units have theirs from their sockets.
    func ownListeners(
        of kind: Companion.Kind, at path: String, for owner: () throws -> ProcessPlan.UserAndGroup?
    ) throws -> [Int32] {
        ports.units == nil ? [try listener(of: kind, at: path, for: try owner())] : []
    }

    /// Kept by the supervisor over the restarts of who serves it: no connection is refused meanwhile.
    func listener(
        of kind: Companion.Kind, at path: String, for owner: ProcessPlan.UserAndGroup?
    ) throws -> Int32 {
        if let known = listeners[kind] { return known }
        let new = try ports.sockets.listen(path: path, for: owner)
        listeners[kind] = new
        return new
    }

    private func startEdge() async throws {
        try await start(.edge, try await ports.edge.process())
    }

    /// A master that was killed leaves workers that hold the port. QUIT lets them end the calls they
    /// have, but they stop listening at once, which is what the next master waits for.
    func clearEdgeOrphans(_ record: ProcessRecord) async {
        await ports.processes.signal(record, .quit, wholeGroup: true)
        let port = edgePort
        for _ in 0..<100 where port.map({ ports.sockets.isListening(on: $0) }) == true {
            try? await ports.time.sleep(0.005)
        }
        Task {
            try? await ports.time.sleep(30)
            await ports.processes.signal(record, .kill, wholeGroup: true)
        }
    }

    private var edgePort: Int? {
        (active.generation.flatMap { plans[$0] } ?? plans.values.first)?.edge.listen.port
    }

    /// Who alone may ask the gate. Of a server that is not ours only its own workers tell.
    func edgeWorkers() throws -> ProcessPlan.UserAndGroup? {
        let server = edgeServer
        return server.isOwnProcess ? settings.edgeWorkers : try server.workers()
    }

    func start(_ kind: Companion.Kind, _ plan: ProcessPlan) async throws {
        let record = try await ports.processes.start(plan)
        var companion = companions[kind] ?? Companion()
        companion.record = record
        companion.fault = ""
        // Whoever ran long enough before it dies gets its next start at once again.
        _ = companion.restart.handle(.healthy(at: ports.time.now()))
        companions[kind] = companion
        let restarts = companion.restart.restarts
        try book.record(
            ProcessBook.Entry(record: record, restarts: restarts, startedAt: ports.time.wallClock()))
        if let exit = earlyExits.removeValue(forKey: record) { await processExited(exit) }
    }

    func stopCompanion(_ kind: Companion.Kind, _ signal: ProcessSignal, deadline: Seconds) async {
        guard let record = companions[kind]?.record else { return }
        await ports.processes.signal(record, signal, wholeGroup: false)
        let overdue = Task {
            try await ports.time.sleep(deadline)
            await ports.processes.signal(record, .kill, wholeGroup: true)
        }
        while companions[kind]?.record == record { await nextChange() }
        overdue.cancel()
        await ports.processes.retire(kind.rawValue)
        try? book.forget(kind.rawValue)
    }
}
