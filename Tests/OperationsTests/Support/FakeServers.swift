import Fleet
import Foundation
import Ports
import Synchronization

/// What an instance of the pretended server answers.
enum Mood: Sendable {
    case well
    case wrong(String)
    case notReady
    case busy
    /// Lives, answers nothing.
    case hanging
}

/// Asks the processes of the fake machine; their mood is what the test says.
final class FakeProber: InstanceProber {
    private let machine: FakeMachine
    private let mood = Mutex<@Sendable (ProbePlan) -> Mood>({ _ in .well })
    private let offer = Mutex<@Sendable (ProbePlan) -> ReleaseOffer?>({ _ in nil })

    init(machine: FakeMachine) { self.machine = machine }

    func answer(_ mood: @escaping @Sendable (ProbePlan) -> Mood) { self.mood.withLock { $0 = mood } }

    /// What the servers list; nobody tells without it.
    func list(_ offer: @escaping @Sendable (ProbePlan) -> ReleaseOffer?) { self.offer.withLock { $0 = offer } }

    private func ask(_ plan: ProbePlan) throws -> Mood {
        let port = plan.endpoint.split(whereSeparator: { ":/".contains($0) })[2]
        guard let port = Int(port), machine.holder(of: port) != nil else { throw ProbeFault("connection refused") }
        let mood = mood.withLock { $0 }(plan)
        switch mood {
        case .well, .wrong: return mood
        case .notReady: throw ProbeFault("warming up")
        case .busy: throw ProbeFault("429", busy: true)
        case .hanging: throw ProbeFault("no answer")
        }
    }

    func liveness(_ plan: ProbePlan) async -> String? {
        do {
            _ = try ask(plan)
            return nil
        } catch {
            return (error as? ProbeFault)?.reason == "warming up" ? nil : "\(error)"
        }
    }

    func readiness(_ plan: ProbePlan) async throws -> Readiness {
        _ = try ask(plan)
        guard let tools = Digest(hex: String(repeating: "d", count: 64)) else { throw ProbeFault("no digest") }
        return Readiness(
            eras: [.modern], announcedName: "tiny", announcedVersion: plan.expectedVersion, tools: ["list"],
            toolsDigest: tools, offer: offer.withLock { $0 }(plan))
    }

    func canary(_ plan: ProbePlan, era: Era) async throws -> CanaryAnswer {
        if case .wrong(let text) = try ask(plan) { return CanaryAnswer(text: text) }
        return CanaryAnswer(text: "databases: shop")
    }
}

/// An nginx that checks nothing, and refuses what a test tells it to.
final class FakeEdge: EdgeServer {
    private let state = Mutex(
        (installed: [String: String](), installs: 0, refusal: Failure?.none, dislike: String?.none))

    /// Says no, in rehearsals, to whatever holds the word.
    func dislike(_ word: String) { state.withLock { $0.dislike = word } }
    private let watcher = Mutex<(@Sendable () -> Void)?>(nil)

    /// Runs it after each reload.
    func watch(_ body: @escaping @Sendable () -> Void) { watcher.withLock { $0 = body } }

    /// How often bytes changed: each is a reload.
    var installs: Int { state.withLock(\.installs) }
    var text: String { state.withLock { $0.installed.sorted { $0.key < $1.key }.map(\.value).joined() } }
    func refuse(_ failure: Failure?) { state.withLock { $0.refusal = failure } }
    /// The upstream line of a port, such as `server 127.0.0.1:42000 down;`.
    func upstream(_ port: Int) -> String? {
        text.split(separator: "\n").first { $0.contains("server 127.0.0.1:\(port)") }.map {
            $0.trimmingCharacters(in: .whitespaces)
        }
    }

    func install(_ files: [RenderedFile]) async throws -> Bool {
        let isNew = try state.withLock { state in
            if let refusal = state.refusal { throw refusal }
            let next = Dictionary(files.map { ($0.path, $0.content) }, uniquingKeysWith: { $1 })
            guard next != state.installed else { return false }
            state.installed = next
            state.installs += 1
            return true
        }
        if isNew { watcher.withLock { $0 }?() }
        return isNew
    }
    func check(_ files: [RenderedFile]) async throws {
        let text = files.map(\.content).joined()
        if let word = state.withLock(\.dislike), text.contains(word) {
            throw Failure(
                .failed, "cannot install the edge's configuration", because: "nginx dislikes \(word)", next: "")
        }
    }
    func process() async throws -> ProcessPlan {
        ProcessPlan(
            id: "edge", executable: "/nginx", arguments: [], environment: [:], workingDirectory: "/", logFile: "/e")
    }
}

/// The same nginx as one supervisor sees it.
struct FusedEdge: EdgeServer {
    let edge: FakeEdge
    let fuse: Fuse

    func install(_ files: [RenderedFile]) async throws -> Bool {
        try fuse.pass()
        return try await edge.install(files)
    }
    func check(_ files: [RenderedFile]) async throws {
        try fuse.pass()
        try await edge.check(files)
    }
    func process() async throws -> ProcessPlan { try await edge.process() }
}

final class FakeSessions: Sendable {
    private let open = Mutex<[SessionTally]>([])

    var tallies: [SessionTally] { open.withLock { $0 } }
    func set(_ tag: String?, _ live: Int, pool: String = "analytics") {
        open.withLock { open in
            open.removeAll { $0.tag == tag && $0.pool == pool }
            if live > 0 { open.append(SessionTally(pool: pool, tag: tag, live: live)) }
        }
    }
}

struct FakeGate: GateProbe {
    let machine: FakeMachine
    let sessions: FakeSessions

    func sessions(idle: Seconds) async throws -> [SessionTally] { sessions.tallies }

    func revision() async throws -> Int {
        guard machine.running("gate") != nil, let revision = machine.appliedPolicy else {
            throw Failure(.unavailable, "cannot ask the gate", because: "connection refused", next: "")
        }
        return revision
    }
}

final class FakeSockets: Sockets {
    private let machine: FakeMachine
    private let sharedEdge: FakeSharedEdge
    private let owners = Mutex<[ProcessPlan.UserAndGroup?]>([])
    private let state = Mutex((listens: 0, connections: [Int: Int](), held: Set<Int>(), strangers: [Int: String]()))

    init(machine: FakeMachine, sharedEdge: FakeSharedEdge) {
        self.machine = machine
        self.sharedEdge = sharedEdge
    }

    /// For whom each listener was opened.
    var listenerOwners: [ProcessPlan.UserAndGroup?] { owners.withLock { $0 } }
    var listens: Int { state.withLock(\.listens) }
    var held: Set<Int> { state.withLock(\.held) }
    func connect(_ count: Int, to port: Int) { state.withLock { $0.connections[port] = count } }
    func occupy(_ port: Int, by stranger: String) { state.withLock { $0.strangers[port] = stranger } }

    func listen(path: String, for owner: ProcessPlan.UserAndGroup?) throws -> Int32 {
        owners.withLock { $0.append(owner) }
        return state.withLock {
            $0.listens += 1
            return Int32(10 + $0.listens)
        }
    }
    func listener(of pid: Int32) -> Int32? { machine.running("gate")?.plan.listeners.first }
    func close(_ descriptor: Int32) {}
    func accepts(address: String, port: Int) async -> Bool {
        machine.running("edge") != nil || sharedEdge.serves(port) || machine.holder(of: port) != nil
    }
    func isListening(on port: Int) -> Bool { listener(on: port) != nil }
    func listeners(on ports: Set<Int>) -> [Int: String] {
        var found: [Int: String] = [:]
        for port in ports {
            found[port] =
                state.withLock { $0.strangers[port] } ?? machine.holder(of: port).map { "tiny (pid \($0.record.pid))" }
                ?? (sharedEdge.serves(port) ? "nginx (pid \(FakeSharedEdge.pid))" : nil)
        }
        return found
    }
    func isListening(_ pid: Int32, on port: Int) -> Bool { listener(on: port)?.hasSuffix("(pid \(pid))") == true }
    func hold(_ ports: Set<Int>) { state.withLock { $0.held = ports } }
    func connections(to ports: Set<Int>) -> Int {
        state.withLock { state in ports.reduce(0) { $0 + (state.connections[$1] ?? 0) } }
    }
}

final class FakeSeal: ReleaseSeal {
    private let broken = Mutex<Failure?>(nil)

    func breakSeal(_ failure: Failure?) { broken.withLock { $0 = failure } }
    func check(_ digest: Digest) throws { if let failure = broken.withLock({ $0 }) { throw failure } }
}

/// Releases of any version; a version's digest repeats its first digit.
final class FakeShelf: Sendable {
    let installed = Mutex<[String: InstalledRelease]>([:])
    /// Every reference that was resolved.
    let resolved = Mutex<[String]>([])
    /// What an install ends in.
    let fault = Mutex<Failure?>(nil)
}

struct FakeReleases: ReleaseStore {
    let shelf: FakeShelf
    let fuse: Fuse

    private func digest(_ reference: ReleaseReference) throws -> Digest {
        let digit = reference.version.first.map(String.init) ?? "0"
        guard let digest = Digest(hex: String(repeating: digit, count: 64)) else { throw CancellationError() }
        return digest
    }
    func resolve(_ reference: ReleaseReference, constraints: [String]) async throws -> LockedRelease {
        try fuse.pass()
        shelf.resolved.withLock { $0.append(reference.description) }
        let digest = try digest(reference)
        let package = LockedPackage(
            name: reference.name, version: reference.version, file: "\(reference.name)-1-py3-none-any.whl",
            sha256: digest)
        let packages = reference.kind == .path ? [] : [package]
        return LockedRelease(
            reference: reference, constraints: constraints, platform: "", packages: packages, digest: digest)
    }
    func install(_ locked: LockedRelease) async throws -> InstalledRelease {
        try fuse.pass()
        if let fault = shelf.fault.withLock({ $0 }) { throw fault }
        let release = InstalledRelease(
            reference: locked.reference, digest: locked.digest, tree: "/opt/releases/" + locked.digest.hex)
        shelf.installed.withLock { $0[locked.digest.hex] = release }
        return release
    }
    func verify(_ digest: Digest) async throws { try fuse.pass() }
    func command(_ command: String, of release: InstalledRelease) async throws -> ReleaseCommand {
        try fuse.pass()
        return ReleaseCommand(executable: release.tree + "/bin/" + command, arguments: [], environment: [:])
    }
    func list() async throws -> [InstalledRelease] { shelf.installed.withLock { Array($0.values) } }
    func remove(_ digest: Digest) async throws { shelf.installed.withLock { $0[digest.hex] = nil } }
}

/// What a server would say, and what it was asked with.
final class FakeDryRunner: DryRunner {
    let answer = Mutex<String?>(nil)
    let asked = Mutex<[DryRun]>([])

    func run(_ trial: DryRun) async throws -> String? {
        asked.withLock { $0.append(trial) }
        return answer.withLock { $0 }
    }
}
