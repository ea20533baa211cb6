import Foundation
import Glibc
import Synchronization
import Testing

@testable import Gate

/// A gate in a process of its own: this test program, started once more with only the suite below.
private final class GateChild {
    let process: pid_t

    init(listener: Int32, directory: String) throws {
        let words = try Data(contentsOf: URL(filePath: "/proc/self/cmdline")).split(separator: 0).map {
            String(decoding: $0, as: UTF8.self)
        }
        var arguments: [String] = []
        var rest = words[...]
        while let word = rest.popFirst() {
            if word == "--filter" || word == "--skip" { rest = rest.dropFirst() } else { arguments.append(word) }
        }
        arguments += ["--filter", "GateInAProcess"]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The first makes way, should the listener be descriptor 3 already: then it would stay close-on-exec.
        posix_spawn_file_actions_adddup2(&actions, listener, 200)
        posix_spawn_file_actions_adddup2(&actions, 200, 3)
        // Nothing of other tests: a connection that is held here is never seen to close there.
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            if let descriptor = Int32(name), descriptor > 3 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        }
        posix_spawn_file_actions_addopen(&actions, 1, directory + "/child.log", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var environment = ProcessInfo.processInfo.environment
        environment["CONVOY_GATE_CHILD"] = directory
        environment["LISTEN_FDS"] = "1"
        environment["LISTEN_PID"] = nil
        var argv = arguments.map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { (argv + envp).forEach { free($0) } }
        var process: pid_t = 0
        let code = posix_spawn(&process, "/proc/self/exe", &actions, nil, &argv, &envp)
        guard code == 0 else { throw UnixClient.Fault(what: "spawn: \(String(cString: strerror(code)))") }
        self.process = process
    }

    func kill() {
        Glibc.kill(process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }
}

@Suite("GateInAProcess", .enabled(if: ProcessInfo.processInfo.environment["CONVOY_GATE_CHILD"] != nil))
struct GateInAProcess {
    @Test("serves the inherited listener until it is killed")
    func serve() async throws {
        let directory = try #require(ProcessInfo.processInfo.environment["CONVOY_GATE_CHILD"])
        // Whoever is left behind by a test that was cut goes by itself.
        alarm(120)
        try await GateServer.run(
            policyFile: directory + "/policy.json", listener: .inherited, log: CollectedLog().audit,
            sessions: try SessionTable(directory: directory), clock: { GateFixture.now })
    }
}

@Suite("A gate that is killed", .serialized)
struct GateRestartTests {
    @Test("killed fifty times under load, the gate loses no connection that waits, no session, and lets nobody in")
    func fiftyKills() async throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let issuer = try DevelopmentIssuer.load(directory: directory + "/issuer", fleet: "shop")
        try GateFixture.write(GateFixture.policy(issuer), to: directory + "/policy.json")
        let socket = directory + "/gate.sock"
        let kept = ListenerTests.listen(socket)
        defer { close(kept) }
        let token = try issuer.mint(
            pool: "analytics", scope: "mcp:analytics", audience: "\(GateFixture.url)/analytics/mcp", subject: "ada",
            ttl: 3600, now: GateFixture.now
        ).reveal()
        let load = Load(socket: socket, good: GateFixture.request(token: token), bad: GateFixture.request(token: nil))
        var child = try GateChild(listener: kept, directory: directory)
        defer { child.kill() }
        let owner = try #require(try await load.ask(load.good).headers["x-convoy-owner"])
        let register =
            "POST /session HTTP/1.1\r\nHost: g\r\nX-Convoy-Pool: analytics\r\nX-Convoy-Owner: \(owner)\r\n"
            + "Mcp-Session-Id: a1.6f0c\r\n\r\n"
        #expect(try await load.ask(register).status == 204)
        let session = GateFixture.request(token: token, more: ["Mcp-Session-Id: a1.6f0c"])
        load.start()
        for round in 0..<50 {
            child.kill()
            // No gate is there: this one waits in the queue.
            let waiting = try UnixClient(socket)
            try waiting.send(session)
            child = try GateChild(listener: kept, directory: directory)
            let answer = try? await waiting.answer()
            try #require(answer?.status == 204, "round \(round): \(Self.lastWords(directory))")
        }
        let (asked, again) = try await load.stop()
        #expect(asked > 50)
        // Only connections that a gate had taken before it was killed: nginx asks again for these, as we do.
        #expect(again <= 2 * 51)
    }

    private static func lastWords(_ directory: String) -> String {
        let text = (try? String(contentsOfFile: directory + "/child.log", encoding: .utf8)) ?? ""
        let crash = text.range(of: "Program crashed").map { text[$0.lowerBound...] }
        return String(crash?.prefix(6000) ?? text.suffix(1500))
    }

    /// Asks as nginx does: over a connection that stays, and anew when the gate closed it without an answer.
    private final class Load: Sendable {
        let socket: String
        let good: String
        let bad: String
        private struct Counts: Sendable {
            var asked = 0
            var again = 0
            var running = 0
            var stopped = false
            var fault: String?
        }
        private let counts = Mutex(Counts())

        init(socket: String, good: String, bad: String) {
            self.socket = socket
            self.good = good
            self.bad = bad
        }

        func ask(_ request: String) async throws -> UnixClient.Answer {
            var client: UnixClient?
            return try await ask(request, over: &client)
        }

        private func ask(_ request: String, over client: inout UnixClient?) async throws -> UnixClient.Answer {
            while true {
                // Refused or reset here would be a connection lost.
                let connection = try client ?? UnixClient(socket)
                client = connection
                if (try? connection.send(request)) != nil, let answer = try await connection.answer() { return answer }
                client = nil
                counts.withLock { $0.again += 1 }
            }
        }

        func start() {
            for _ in 0..<2 {
                counts.withLock { $0.running += 1 }
                Task { await run() }
            }
        }

        private func run() async {
            var client: UnixClient?
            while counts.withLock({ !$0.stopped }) {
                do {
                    let admitted = try await ask(good, over: &client).status
                    let refused = try await ask(bad, over: &client).status
                    counts.withLock { counts in
                        counts.asked += 2
                        if (admitted, refused) != (204, 401) { counts.fault = "\(admitted) and \(refused)" }
                    }
                } catch {
                    counts.withLock { $0.fault = "\(error)" }
                    break
                }
            }
            counts.withLock { $0.running -= 1 }
        }

        func stop() async throws -> (asked: Int, again: Int) {
            counts.withLock { $0.stopped = true }
            try await until { self.counts.withLock { $0.running == 0 } }
            let counts = counts.withLock { $0 }
            if let fault = counts.fault { throw UnixClient.Fault(what: fault) }
            return (counts.asked, counts.again)
        }
    }
}
