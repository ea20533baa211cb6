import Fleet
import Planning
import Ports
import Synchronization

/// A supervisor in memory: remembers what was asked, answers what it is told to.
actor FakeControl: FleetControl {
    private(set) var asked: [String] = []
    private(set) var cancelledPolls = 0
    private var plans: [GenerationPlan] = []
    private var revision = 1
    private var serving = 0
    private var failure: (any Error)?
    private var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    private var nextWaiter = 0
    private let (polls, polled) = AsyncStream.makeStream(of: Int.self)
    private let (cuts, cut) = AsyncStream.makeStream(of: Int.self)
    private let (steps, step) = AsyncStream.makeStream(of: Void.self)
    private var held: CheckedContinuation<Void, Never>?
    private var holds = false

    func fail(with error: (any Error)?) { failure = error }

    /// Returns when somebody waits in a long poll.
    func untilPolled() async { for await _ in polls { return } }
    /// Returns when a long poll was cut short.
    func untilCut() async { for await _ in cuts { return } }

    func holdRetire() { holds = true }
    func untilHeld() async { for await _ in steps { return } }
    func letGo() {
        held?.resume()
        held = nil
    }

    func status(newerThan known: Int?, timeout: Seconds) async throws -> StatusReport {
        asked.append("status \(known.map(String.init) ?? "-")")
        if let failure { throw failure }
        if known == revision, timeout.value > 0 {
            let id = nextWaiter
            nextWaiter += 1
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    if Task.isCancelled { return continuation.resume() }
                    waiters[id] = continuation
                    polled.yield(id)
                }
            } onCancel: {
                Task { await self.release(id) }
            }
            if Task.isCancelled {
                cancelledPolls += 1
                cut.yield(id)
                throw CancellationError()
            }
        }
        return StatusReport(revision: revision, status: .sample(generation: serving), generations: plans)
    }

    func begin(_ plan: GenerationPlan) async throws {
        asked.append("begin \(plan.number)")
        if let failure { throw failure }
        if !plans.contains(plan) { plans.append(plan) }
        changed()
    }

    func flip(to generation: Int) async throws {
        asked.append("flip \(generation)")
        if let failure { throw failure }
        guard plans.contains(where: { $0.number == generation }) else {
            throw Failure(.failed, "cannot flip", because: "no generation \(generation)", next: "convoy up")
        }
        serving = generation
        changed()
    }

    func retire(_ generation: Int, drain: Seconds) async throws {
        asked.append("retire \(generation) \(drain.value)")
        if let failure { throw failure }
        if holds {
            await withCheckedContinuation { continuation in
                held = continuation
                step.yield()
            }
            asked.append(Task.isCancelled ? "retire was cut" : "retire was carried out")
        }
        plans.removeAll { $0.number == generation }
        changed()
    }

    func share(_ generation: Int, part: Double) async throws {
        asked.append("share \(generation) \(part)")
        if let failure { throw failure }
    }

    func lend(_ generation: Int, part: Double?) async throws {
        asked.append("lend \(generation)" + (part.map { " \($0)" } ?? ""))
        if let failure { throw failure }
    }

    func balance(_ generation: Int) async throws {
        asked.append("balance \(generation)")
        if let failure { throw failure }
    }

    func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws {
        if let instances { asked.append("only \(instances.sorted().joined(separator: " "))") }
        try await begin(plan)
    }

    func retire(_ generation: Int, only instances: Set<String>?, drain: Seconds) async throws -> DrainReport {
        if let instances { asked.append("only \(instances.sorted().joined(separator: " "))") }
        try await retire(generation, drain: drain)
        return DrainReport(sessions: 6, ended: 3, moved: 2, cut: 1, callsCut: 4)
    }

    func offer(of generation: Int) async throws -> ReleaseOffer? {
        asked.append("offer \(generation)")
        if let failure { throw failure }
        return plans.contains { $0.number == generation } ? .sample : nil
    }

    func rehearse(_ plan: GenerationPlan) async throws {
        asked.append("rehearse \(plan.number)")
        if let failure { throw failure }
    }

    func check() async throws {
        asked.append("check")
        if let failure { throw failure }
    }

    func shutdown(drain: Seconds) async throws {
        asked.append("shutdown \(drain.value)")
        if let failure { throw failure }
    }

    func cordon() async throws { try note("cordon") }
    func drain(deadline: Seconds) async throws -> DrainReport {
        try note("drain \(deadline.value)")
        return DrainReport(sessions: 3, ended: 2, cut: 1)
    }
    func uncordon(generation: Int) async throws { try note("uncordon \(generation)") }
    func leave(rollout: Int) async throws { try note("leave \(rollout)") }
    func welcome(generation: Int, upTo rollout: Int) async throws { try note("welcome \(generation) \(rollout)") }
    func guests() async throws -> Int {
        try note("guests")
        return 7
    }

    private func note(_ what: String) throws {
        asked.append(what)
        if let failure { throw failure }
    }

    private func changed() {
        revision += 1
        let all = waiters
        waiters = [:]
        for waiter in all.values { waiter.resume() }
    }

    private func release(_ id: Int) { waiters.removeValue(forKey: id)?.resume() }
}

extension ReleaseOffer {
    static let sample = ReleaseOffer(
        eras: [.legacy],
        listing: [.object(["name": .string("find"), "inputSchema": .object(["required": .array([.string("q")])])])])
}

extension FleetStatus {
    static func sample(generation: Int) -> FleetStatus {
        FleetStatus(
            fleet: "shop", generation: generation, release: nil, converged: false, instances: [],
            edge: EdgeStatus(url: "https://127.0.0.1:8443", state: .up), gate: GateStatus(state: .up),
            supervisor: SupervisorStatus(state: .up, pid: 1, version: "0.1.0"))
    }
}

extension GenerationPlan {
    /// `padding` makes the plan as large as a test wants it.
    static func sample(_ number: Int, padding: Int = 0) -> GenerationPlan {
        let digest = Digest(hex: String(repeating: "a", count: 64))
        guard let digest else { fatalError("64 digits are a digest") }
        return GenerationPlan(
            number: number, fleet: "shop" + String(repeating: "x", count: padding), colour: .b,
            release: ReleaseStamp(name: "documentdb-mcp", version: "0.6.2", digest: digest), profile: "documentdb",
            wish: digest, instances: [],
            pools: [PoolPlan(name: "analytics", scope: "mcp:analytics", upstreamPath: "/mcp")],
            edge: EdgeSpec(
                url: "https://127.0.0.1:8443", listen: EdgeSpec.Listen(address: "127.0.0.1", port: 8443),
                authorization: .development),
            health: HealthSpec(), rollout: RolloutSpec(), logs: LogsSpec(), origin: .sample)
    }
}

extension GenerationPlan.Origin {
    static let sample = GenerationPlan.Origin(
        spec: FleetSpec(
            name: "shop",
            server: ServerSpec(
                profile: "documentdb",
                release: ReleaseReference(kind: .pypi, name: "documentdb-mcp", version: "0.6.2")), database: nil,
            pools: [],
            edge: EdgeSpec(
                url: "https://127.0.0.1:8443", listen: EdgeSpec.Listen(address: "127.0.0.1", port: 8443),
                authorization: .development)),
        profile: Profile(
            name: "documentdb", releases: [.pypi], needsDatabase: true,
            start: Profile.Start(command: "documentdb-mcp"), http: Profile.HTTP(), version: Profile.Version(),
            canary: nil, stop: Profile.Stop(), settings: [:], memoryDenyWriteExecute: false))
}
