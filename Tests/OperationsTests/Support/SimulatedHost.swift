import Fleet
import Planning
import Ports
import Synchronization

@testable import Operations

/// A host that knows the commands of a bootstrap and keeps what they did. Its wire can be cut at the n-th command,
/// before or after that has done its work.
final class SimulatedHost: HostLink {
    struct State {
        var facts = HostFacts()
        /// What was carried out, in order.
        var did: [String] = []
        var serves = false
        var hasRules = false
        /// A firewall that shuts out whoever comes anew.
        var locksOut = false
        var commands = 0
        var cutAt: Int?
        var cutsAfter = false
        var fault: LinkFault?
        /// Answers of `up` before it succeeds.
        var leaseHeld = 0
        var convoy = "0.1.0"
        /// All that was ever in a word of a command.
        var words: [String] = []
        var arrived: [String: [UInt8]] = [:]
    }

    let state: Mutex<State>
    private let wish: BootstrapWish

    init(_ wish: BootstrapWish, _ facts: HostFacts, _ change: (inout State) -> Void = { _ in }) {
        self.wish = wish
        var start = State()
        start.facts = facts
        change(&start)
        state = Mutex(start)
    }

    var did: [String] { state.withLock(\.did) }

    func close() async {}

    func run(_ command: HostCommand, onLine: @escaping @Sendable (String) -> Void) async throws -> HostAnswer {
        let answer = try state.withLock { state -> HostAnswer in
            state.commands += 1
            state.words += command.words
            if let fault = state.fault { throw fault }
            let isCut = state.commands == state.cutAt
            if isCut, !state.cutsAfter { throw Self.lost }
            let answer = try carryOut(command, &state)
            if isCut { throw Self.lost }
            return answer
        }
        for line in answer.output { onLine(line) }
        return answer
    }

    static let lost = LinkFault(
        .lost, Failure(.unavailable, "lost the connection to web-1", because: "cut", next: "run it again"))

    private func carryOut(_ command: HostCommand, _ state: inout State) throws -> HostAnswer {
        let words = command.words
        var input: [UInt8] = []
        if case .bytes(let bytes) = command.input { input = bytes }
        switch words[0] {
        case "sh" where words[1] == "-s": return HostAnswer(exitCode: 0, output: Self.lines(state.facts))
        case "sh" where words[2] == HostScripts.upload:
            if let digest = Digest(hex: words[6]), wish.files[words[4]] != nil { state.facts.files[words[4]] = digest }
            state.arrived[words[4]] = input
            state.did.append("upload \(words[4].split(separator: "/").last ?? "")")
        case "sh" where words[2] == HostScripts.install:
            state.facts.package = wish.package?.version
            state.facts.packageFile = Digest(hex: words[5])
            state.facts.programs.formUnion(["nginx"])
            state.did.append("install")
        case "systemctl": state.did.append(words.joined(separator: " "))
        case "systemd-creds":
            state.facts.hasCredentialKey = true
            state.did.append("credential key")
        case "rm": break
        case HostScripts.convoy[0]:
            if command.isFreshLogin, state.locksOut { throw Self.lost }
            return try converse(input, &state)
        case "cat":
            let lines = String(decoding: input, as: UTF8.self).split(separator: "\n").map(String.init)
            return HostAnswer(exitCode: 0, output: lines)
        case "true": return HostAnswer(exitCode: 0)
        case "false": return HostAnswer(exitCode: 1)
        default: return HostAnswer(exitCode: 127, errors: "not found")
        }
        return HostAnswer(exitCode: 0)
    }

    private func converse(_ input: [UInt8], _ state: inout State) throws -> HostAnswer {
        let lines = String(decoding: input, as: UTF8.self).split(separator: "\n").map(String.init)
        guard HostHello(line: lines[0])?.convoy == state.convoy, let request = HostRequest(line: lines[1]) else {
            return HostAnswer(exitCode: 0, output: [try HostReply.greeting(.skewed, convoy: state.convoy).line()])
        }
        var said = [HostReply.greeting(.welcome, convoy: state.convoy), .word(.step, "at \(request.ask.rawValue)")]
        switch request.ask {
        case .plan:
            let plan = HostPlan(changes: state.serves ? [] : ["supervisor"], firewall: !state.hasRules)
            said.append(.done(try JSONValue(encoding: plan)))
        case .receive:
            state.facts.releases.insert(wish.release.digest)
            state.did.append("receive")
            said.append(.done(.null))
        case .up where state.leaseHeld > 0:
            state.leaseHeld -= 1
            said.append(.failed(Failure(.leaseHeld, "cannot up", because: "somebody is at work", next: "wait")))
        case .up:
            state.serves = true
            state.did.append("up")
            said.append(.done(.null))
        case .firewall:
            state.did.append("try rules")
            said.append(.done(.object(["tried": .bool(!state.hasRules)])))
        case .confirm:
            state.hasRules = true
            state.did.append("keep rules")
            said.append(.done(.null))
        case .wake: said.append(.done(.object(["started": .bool(false)])))
        case .logs, .more, .survey, .mend, .forget, .reader: said.append(.done(.null))
        case .lacks, .room, .keep, .sweep, .hello, .facts, .status: said.append(.done(.null))
        }
        return HostAnswer(exitCode: 0, output: try said.map { try $0.line() })
    }

    /// As `FactsScript` prints them.
    private static func lines(_ facts: HostFacts) -> [String] {
        var lines = ["system \(facts.system) \(facts.systemVersion)", "architecture \(facts.architecture)"]
        lines += facts.systemd.map { ["systemd \($0)"] } ?? []
        lines += facts.otherNginx.map { "nginx \($0)" } + facts.programs.sorted().map { "program \($0)" }
        lines += facts.package.map { ["package \($0)"] } ?? []
        lines += facts.packageFile.map { ["package-file \($0.hex)"] } ?? []
        lines += facts.releases.map { "release \($0.hex)" } + facts.files.map { "file \($0.value.hex) \($0.key)" }
        lines += facts.hasCredentialKey ? ["credential-key there"] : []
        return lines + ["clock \(facts.clock ?? 0)"]
    }
}

/// Hosts by name.
struct SimulatedDialer: HostDialer {
    let hosts: [String: SimulatedHost]

    func dial(_ host: HostSpec) async throws -> any HostLink {
        guard let found = hosts[host.name] else {
            throw Failure(.unavailable, "cannot reach \(host.name)", because: "it is not simulated", next: "")
        }
        return found
    }
}

/// Stands still but for sleeps, which are over at once.
final class LeapingTime: Timepiece {
    private let passed = Mutex(0.0)
    let wall: Double

    init(wall: Double) { self.wall = wall }

    func now() -> Seconds { Seconds(passed.withLock { $0 }) }
    func wallClock() -> Double { wall + now().value }
    func sleep(_ time: Seconds) async throws {
        passed.withLock { $0 += time.value }
        await Task.yield()
    }
}

final class Visits: EdgeVisitor {
    let addresses = Mutex<[String]>([])
    let failure: Failure?

    init(failure: Failure? = nil) { self.failure = failure }

    func visit(_ edge: EdgeSpec, pool: String, at address: String) async throws {
        addresses.withLock { $0.append(address) }
        if let failure { throw failure }
    }
}

final class HeardProgress: Progress {
    let lines = Mutex<[String]>([])
    func step(_ text: String) { lines.withLock { $0.append(text) } }
    func detail(_ text: String) { lines.withLock { $0.append(text) } }
}
