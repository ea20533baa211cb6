import Fleet
import Foundation
import Ports
import Testing

@testable import Probes

@Suite("MCPProber readiness")
struct ReadinessTests {
    @Test("a server with both eras shows both, its identity and its tools")
    func both() async throws {
        let fake = FakeMCP()
        try await withFake(fake) { prober, server in
            let readiness = try await prober.readiness(ProbePlan(server))
            #expect(readiness.eras == [.modern, .legacy])
            #expect(readiness.announcedName == "fake" && readiness.announcedVersion == "1.2.3")
            #expect(readiness.tools == ["a", "b"])
            #expect(readiness.offer?.tools.map(\.name) == ["a", "b"] && readiness.offer?.eras == [.modern, .legacy])
            #expect(readiness.offer?.tools.map(\.readsOnly) == [true, nil])
            #expect(fake.minted == 1 && fake.openSessions.isEmpty)
            #expect(server.requests.allSatisfy { $0.headers["host"] == "fleet.example:1" })
            #expect(server.requests.allSatisfy { $0.headers["connection"] == "close" })
            let methods = server.requests.map { $0.method == "DELETE" ? "DELETE" : $0.rpcMethod }
            let expected = [
                "server/discover", "tools/list", "initialize", "notifications/initialized", "tools/list", "DELETE",
            ]
            #expect(methods == expected)
        }
    }

    @Test("a server with one era shows that one, with the same digest", arguments: Era.allCases)
    func one(era: Era) async throws {
        let both = try await withFake(FakeMCP()) { try await $0.readiness(ProbePlan($1)).toolsDigest }
        let fake = FakeMCP([era])
        try await withFake(fake) { prober, server in
            let readiness = try await prober.readiness(ProbePlan(server))
            #expect(readiness.eras == [era])
            #expect(readiness.toolsDigest == both)
            #expect(fake.openSessions.isEmpty)
        }
    }

    @Test("a known era is asked alone", arguments: [(Era.modern, 2), (.legacy, 4)])
    func known(era: Era, requests: Int) async throws {
        try await withFake(FakeMCP()) { prober, server in
            let eras = try await prober.readiness(ProbePlan(server), knownEra: era).eras
            #expect(eras == [era])
            #expect(server.requests.count == requests)
        }
    }

    @Test("a session that a legacy server opens on server/discover is ended too")
    func sessionOnDiscover() async throws {
        let fake = FakeMCP([.legacy], mintsOnDiscover: true)
        try await withFake(fake) { prober, server in
            let eras = try await prober.readiness(ProbePlan(server)).eras
            #expect(eras == [.legacy])
            #expect(fake.minted == 2 && fake.openSessions.isEmpty)
        }
    }

    @Test("a session is ended when the probe fails half way")
    func failedHalfWay() async throws {
        let fake = FakeMCP([.legacy]) { request, connection in
            guard request.rpcMethod == "tools/list" else { return false }
            connection.answer(200, FakeMCP.error(request.rpcID, -32603, "database away"))
            return true
        }
        try await withFake(fake) { prober, server in
            await #expect(throws: ProbeFault("tools/list: JSON-RPC error -32603: database away")) {
                try await prober.readiness(ProbePlan(server))
            }
            await prober.shutdown()
            #expect(fake.minted == 1 && fake.openSessions.isEmpty)
        }
    }

    @Test("a session is ended when the probe runs out of time")
    func outOfTime() async throws {
        let fake = FakeMCP([.legacy]) { request, connection in
            guard request.rpcMethod == "tools/list" else { return false }
            connection.waitForClose()
            return true
        }
        try await withFake(fake) { prober, server in
            await #expect(throws: ProbeFault("no answer within 500ms")) {
                try await prober.readiness(ProbePlan(server, timeout: 0.5))
            }
            await prober.shutdown()
            #expect(fake.minted == 1 && fake.openSessions.isEmpty)
        }
    }

    @Test("a session is ended when the probe is cancelled")
    func cancelled() async throws {
        let (reached, reach) = AsyncStream.makeStream(of: Void.self)
        let fake = FakeMCP([.legacy]) { request, connection in
            guard request.rpcMethod == "tools/list" else { return false }
            reach.yield()
            connection.waitForClose()
            return true
        }
        try await withFake(fake) { prober, server in
            let probe = Task { try await prober.readiness(ProbePlan(server, timeout: 60)) }
            for await _ in reached { break }
            probe.cancel()
            await #expect(throws: CancellationError.self) { try await probe.value }
            await prober.shutdown()
            #expect(fake.minted == 1 && fake.openSessions.isEmpty)
        }
    }

    @Test("the reason says what each era answered, once when it is the same")
    func neither() async throws {
        try await withFake(
            FakeMCP { _, connection in
                connection.answer(502, "<html>"); return true
            }
        ) {
            prober, server in
            await #expect(throws: ProbeFault("HTTP 502")) { try await prober.readiness(ProbePlan(server)) }
        }
        try await withFake(FakeMCP([])) { prober, server in
            let expected = "JSON-RPC error -32600: no session; initialize: JSON-RPC error -32022: unsupported version"
            await #expect(throws: ProbeFault(expected)) { try await prober.readiness(ProbePlan(server)) }
        }
    }

    @Test("a modern server that finds our headers wrong is not taken for a legacy one")
    func headerMismatch() async throws {
        let fake = FakeMCP { request, connection in
            guard request.rpcMethod == "server/discover" else { return false }
            connection.answer(400, FakeMCP.error(request.rpcID, -32020, "Mcp-Method differs"))
            return true
        }
        try await withFake(fake) { prober, server in
            await #expect(throws: ProbeFault("JSON-RPC error -32020: Mcp-Method differs")) {
                try await prober.readiness(ProbePlan(server))
            }
        }
    }

    @Test("a rate limit says nothing about eras or health, and is marked so")
    func busy() async throws {
        for method in ["server/discover", "initialize", "tools/list"] {
            let fake = FakeMCP { request, connection in
                guard request.rpcMethod == method else { return false }
                connection.answer(200, FakeMCP.error(request.rpcID, -32000, "Rate limit exceeded for client: global"))
                return true
            }
            try await withFake(fake) { prober, server in
                let fault = await #expect(throws: ProbeFault.self) { try await prober.readiness(ProbePlan(server)) }
                #expect(fault?.busy == true)
                #expect(fault?.reason.hasSuffix("error -32000: Rate limit exceeded for client: global") == true)
            }
        }
        try await withFake(
            FakeMCP { _, connection in
                connection.answer(429, ""); return true
            }
        ) { prober, server in
            await #expect(throws: ProbeFault("HTTP 429", busy: true)) {
                try await prober.readiness(ProbePlan(server))
            }
        }
    }

    @Test("a refused connection is said as such, at once")
    func refused() async throws {
        let server = try ScriptedServer { _, _ in }
        let plan = ProbePlan(server)
        server.stop()
        let prober = MCPProber()
        // The listener may take a moment to be gone; until then connections are accepted and cut.
        var reason = ""
        for _ in 0..<1000 where reason != "connection refused" {
            do { _ = try await prober.readiness(plan) } catch let fault as ProbeFault { reason = fault.reason }
        }
        #expect(reason == "connection refused")
        await prober.shutdown()
    }

    @Test("header secrets from the file go with each request and never into a reason")
    func headerSecrets() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("convoy-\(UUID().uuidString).json")
        try Data(#"{"x-convoy-secret":"s3cret-s3cret"}"#.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let fake = FakeMCP { request, connection in
            guard request.rpcMethod == "tools/list" else { return false }
            let secret = request.headers["x-convoy-secret"] ?? "none"
            connection.answer(200, FakeMCP.error(request.rpcID, -32603, "bad header \(secret)"))
            return true
        }
        try await withFake(fake) { prober, server in
            await #expect(throws: ProbeFault("tools/list: JSON-RPC error -32603: bad header <redacted>")) {
                try await prober.readiness(ProbePlan(server, headersFile: file.path))
            }
            await #expect(throws: ProbeFault("cannot read the headers file /nonexistent")) {
                try await prober.readiness(ProbePlan(server, headersFile: "/nonexistent"))
            }
        }
    }

    @Test("many probes leave no connection behind")
    func connections() async throws {
        let fake = FakeMCP()
        try await withFake(fake) { prober, server in
            let plan = ProbePlan(server)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { _ = try await prober.readiness(plan) } }
                try await group.waitForAll()
            }
            while server.connections > 0 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(fake.minted == 20 && fake.openSessions.isEmpty)
        }
    }
}
