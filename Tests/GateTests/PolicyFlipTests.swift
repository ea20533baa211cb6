import Fleet
import Foundation
import Glibc
import Testing

@testable import Gate

@Suite("Flips and bad policies", .serialized)
struct PolicyFlipTests {
    private static let health = "GET /healthz HTTP/1.1\r\nHost: gate\r\n\r\n"

    @Test("a flip changes the group at once on connections that are open, and never back")
    func flip() async throws {
        try await GateFixture.with { fixture in
            let request = GateFixture.request(token: try fixture.token())
            let clients = try (0..<4).map { _ in try UnixClient(fixture.socket) }
            for client in clients {
                try client.send(request)
                #expect(try await client.answer()?.headers["x-convoy-group"] == "analytics_a")
            }
            try fixture.write(revision: 2, active: .b)
            await fixture.server.reload()
            for client in clients + [try UnixClient(fixture.socket)] {
                try client.send(request)
                #expect(try await client.answer()?.headers["x-convoy-group"] == "analytics_b")
            }
        }
    }

    @Test("asked without pause during a flip, the gate answers one colour, then the other")
    func atomic() async throws {
        try await GateFixture.with { fixture in
            let request = GateFixture.request(token: try fixture.token())
            let socket = fixture.socket
            let asking = Task.detached {
                var groups: [String] = []
                let client = try UnixClient(socket)
                while groups.last != "analytics_b" {
                    try client.send(request)
                    groups.append(try await client.answer()?.headers["x-convoy-group"] ?? "none")
                }
                return groups
            }
            try fixture.write(revision: 2, active: .b)
            await fixture.server.reload()
            let groups = try await asking.value
            #expect(Set(groups.dropLast()).isSubset(of: ["analytics_a"]))
        }
    }

    @Test(
        "a bad policy never replaces a good one",
        arguments: [nil, "", "{", "{}", #"{"revision":9}"#, "[]", "\u{0}"])
    func badPolicy(_ content: String?) async throws {
        try await GateFixture.with { fixture in
            try FileManager.default.removeItem(atPath: fixture.policyFile)
            if let content { try content.write(toFile: fixture.policyFile, atomically: true, encoding: .utf8) }
            await fixture.server.reload()
            #expect(try await fixture.ask(GateFixture.request(token: try fixture.token()))?.status == 204)
            #expect(try await fixture.ask(Self.health)?.body == #"{"revision":1}"#)
            #expect(await fixture.log.text().contains("policy refused"))
        }
    }

    @Test("a token verified under one policy is verified anew under the next")
    func cacheDoesNotOutliveItsKeys() async throws {
        try await GateFixture.with { fixture in
            let request = GateFixture.request(token: try fixture.token())
            #expect(try await fixture.ask(request)?.status == 204)
            var policy = GateFixture.policy(fixture.issuer, revision: 2)
            policy.issuers[0].keys = .inline(.object(["keys": .array([])]))
            try GateFixture.write(policy, to: fixture.policyFile)
            await fixture.server.reload()
            #expect(try await fixture.ask(request)?.status == 401)
        }
    }

    @Test("run answers to HUP with the new policy and to TERM by draining and returning")
    func signals() async throws {
        let directory = try GateFixture.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let issuer = try DevelopmentIssuer.load(directory: directory + "/issuer", fleet: "shop")
        let policyFile = directory + "/policy.json"
        let socket = directory + "/gate.sock"
        try GateFixture.write(GateFixture.policy(issuer), to: policyFile)
        let log = CollectedLog()
        let running = Task {
            try await GateServer.run(policyFile: policyFile, listener: .path(socket), log: log.audit)
        }
        let idle = try await Self.connect(socket)
        try idle.send(Self.health)
        #expect(try await idle.answer()?.body == #"{"revision":1}"#)

        try GateFixture.write(GateFixture.policy(issuer, revision: 2, active: .b), to: policyFile)
        kill(getpid(), SIGHUP)
        var body: String?
        while body != #"{"revision":2}"# {
            try await Task.sleep(for: .milliseconds(1))
            try idle.send(Self.health)
            body = try await idle.answer()?.body
        }
        let half = try UnixClient(socket)
        try half.send("GET /healthz HTTP/1.1\r\n")
        try half.send("Host: gate\r\n")
        try await half.untilRead()
        kill(getpid(), SIGTERM)
        #expect(try await idle.isClosed())
        try half.send("\r\n")
        // Its event loop may hear of the end a moment after the idle one's did: no "connection: close" then.
        #expect(try await half.answer()?.body == #"{"revision":2}"#)
        #expect(try await half.isClosed())
        try await running.value
        #expect(await log.text().contains("stopped"))
    }

    private static func connect(_ socket: String) async throws -> UnixClient {
        while true {
            if let client = try? UnixClient(socket) { return client }
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}
