import Fleet
import Foundation
import Testing

@testable import Gate

/// As nginx asks: authorize, then tell of the session that the server has opened.
@Suite("The gate's contract about sessions")
struct SessionContractTests {
    private static func token(_ fixture: GateFixture, _ subject: String, pool: String = "analytics") throws -> String {
        try fixture.issuer.mint(
            pool: pool, scope: "mcp:\(pool)", audience: "\(GateFixture.url)/\(pool)/mcp", subject: subject, ttl: 3600,
            now: GateFixture.now
        ).reveal()
    }

    private static func authorize(
        _ fixture: GateFixture, _ subject: String, session: String? = nil, pool: String = "analytics",
        more: [String] = []
    ) async throws -> UnixClient.Answer? {
        let lines = session.map { ["Mcp-Session-Id: \($0)"] } ?? []
        return try await fixture.ask(
            GateFixture.request(token: try token(fixture, subject, pool: pool), pool: pool, more: lines + more))
    }

    private static func register(_ fixture: GateFixture, _ lines: [String]) async throws -> Int? {
        try await fixture.ask(
            (["POST /session HTTP/1.1", "Host: gate"] + lines).joined(separator: "\r\n") + "\r\n\r\n")?
            .status
    }

    private static func register(_ fixture: GateFixture, _ session: String, owner: String) async throws -> Int? {
        try await register(
            fixture, ["X-Convoy-Pool: analytics", "X-Convoy-Owner: \(owner)", "Mcp-Session-Id: \(session)"])
    }

    private static func change(_ fixture: GateFixture, _ change: (inout GatePolicy.Pool) -> Void) async throws {
        var policy = GateFixture.policy(fixture.issuer, revision: 2)
        change(&policy.pools[0])
        try GateFixture.write(policy, to: fixture.policyFile)
        await fixture.server.reload()
    }

    @Test("a session is admitted for who opened it, and unknown to all others, also with an edited tag")
    func ownership() async throws {
        try await GateFixture.with { fixture in
            try await Self.change(fixture) { $0.sessions = ["a1", "a2"] }
            let owner = try #require(try await Self.authorize(fixture, "ada")?.headers["x-convoy-owner"])
            #expect(owner.wholeMatch(of: /[0-9a-f]{32}/) != nil)
            let before = try await Self.authorize(fixture, "ada", session: "a1.6f0c")
            #expect(before?.status == 403)
            #expect(before?.headers["x-convoy-reason"] == "session")
            #expect(before?.headers["www-authenticate"] == nil)

            #expect(try await Self.register(fixture, "a1.6f0c", owner: owner) == 204)
            let own = try await Self.authorize(fixture, "ada", session: "a1.6f0c")
            #expect(own?.status == 204)
            #expect(own?.headers["x-convoy-session-group"] == "analytics_a1")
            for (subject, session) in [
                ("bob", "a1.6f0c"), ("bob", "a2.6f0c"), ("ada", "a2.6f0c"), ("ada", "6f0c"), ("ada", "a1.6f0c "),
                ("ada", "a1.6f0d"), ("ada", String(repeating: "x", count: 300)), ("ada", "a1.6f0c, a1.6f0c"),
            ] where session != "a1.6f0c " {
                let refused = try await Self.authorize(fixture, subject, session: session)
                #expect(refused?.headers["x-convoy-reason"] == "session", "\(subject) \(session)")
            }
            let twice = try await Self.authorize(fixture, "ada", session: "a1.6f0c", more: ["Mcp-Session-Id: a1.6f0c"])
            #expect(twice?.headers["x-convoy-reason"] == "session")
            let otherPool = try await Self.authorize(fixture, "ada", session: "a1.6f0c", pool: "billing")
            #expect(otherPool?.headers["x-convoy-reason"] == "session")
            #expect(try await Self.authorize(fixture, "bob")?.status == 204, "without a session nothing changes")
        }
    }

    @Test("the owner is the same over reloads and connections, and another one in another pool")
    func owner() async throws {
        try await GateFixture.with { fixture in
            let owner = try await Self.authorize(fixture, "ada")?.headers["x-convoy-owner"]
            try await Self.change(fixture) { $0.active = .b }
            #expect(try await Self.authorize(fixture, "ada")?.headers["x-convoy-owner"] == owner)
            #expect(try await Self.authorize(fixture, "bob")?.headers["x-convoy-owner"] != owner)
            #expect(try await Self.authorize(fixture, "ada", pool: "billing")?.headers["x-convoy-owner"] != owner)
        }
    }

    @Test("whoever's id another owner is told of too is nobody's")
    func conflict() async throws {
        try await GateFixture.with { fixture in
            let ada = try #require(try await Self.authorize(fixture, "ada")?.headers["x-convoy-owner"])
            let bob = try #require(try await Self.authorize(fixture, "bob")?.headers["x-convoy-owner"])
            #expect(try await Self.register(fixture, "a1.1", owner: ada) == 204)
            #expect(try await Self.register(fixture, "a1.1", owner: ada) == 204)
            #expect(try await Self.register(fixture, "a1.1", owner: bob) == 409)
            #expect(try await Self.authorize(fixture, "ada", session: "a1.1")?.status == 403)
            #expect(try await Self.authorize(fixture, "bob", session: "a1.1")?.status == 403)
        }
    }

    @Test("what is not well-formed is registered for nobody")
    func malformed() async throws { try await GateFixture.with(Self.malformed) }

    private static func malformed(_ fixture: GateFixture) async throws {
        let owner = String(repeating: "0a", count: 16)
        let (pool, own, id) = ("X-Convoy-Pool: analytics", "X-Convoy-Owner: \(owner)", "Mcp-Session-Id: a1.1")
        #expect(try await register(fixture, [pool, own, id]) == 204)
        let malformed: [[String]] = [
            [own, id], [pool, id], [pool, own], [pool, pool, own, id], [pool, own, own, id], [pool, own, id, id],
            [pool, "X-Convoy-Owner: \(owner)0", id], [pool, "X-Convoy-Owner: \(owner.uppercased())", id],
            [pool, "X-Convoy-Owner: ", id], [pool, own, "Mcp-Session-Id: "], [pool, own, "Mcp-Session-Id: a b"],
            [pool, own, "Mcp-Session-Id: " + String(repeating: "x", count: 257)],
        ]
        for lines in malformed { #expect(try await register(fixture, lines) == 400, "\(lines)") }
        #expect(try await register(fixture, ["X-Convoy-Pool: nobody", own, id]) == 404)
        #expect(try await fixture.ask("GET /session HTTP/1.1\r\nHost: gate\r\n\r\n")?.status == 404)
    }

    @Test("a modern request's session id counts for nothing")
    func modern() async throws {
        try await GateFixture.with { fixture in
            try await Self.change(fixture) { $0.sessions = ["a1"] }
            let answer = try await Self.authorize(
                fixture, "ada", session: "a1.unknown", more: ["MCP-Protocol-Version: 2026-07-28"])
            #expect(answer?.status == 204)
            #expect(answer?.headers["x-convoy-session-group"] == nil)
        }
    }

    @Test("where the edge makes the ids, each opening gets a fresh one that works for its owner until it is ended")
    func external() async throws {
        try await GateFixture.with { fixture in
            try await Self.change(fixture) { ($0.sessions, $0.sessionsAreExternal) = (["a1", "a2"], true) }
            let opened = try await Self.authorize(fixture, "ada")
            let id = try #require(opened?.headers["x-convoy-new-session"])
            #expect(id.wholeMatch(of: /[0-9a-f]{32}/) != nil)
            let group = opened?.headers["x-convoy-session-group"]
            #expect(group != nil)
            #expect(try await Self.authorize(fixture, "ada")?.headers["x-convoy-new-session"] != id)

            let next = try await Self.authorize(fixture, "ada", session: id)
            #expect(next?.status == 204)
            #expect(next?.headers["x-convoy-session-group"] == group)
            #expect(next?.headers["x-convoy-new-session"] == nil)
            #expect(try await Self.authorize(fixture, "bob", session: id)?.headers["x-convoy-reason"] == "session")
            #expect(
                try await Self.authorize(fixture, "ada", session: "a1." + id)?.headers["x-convoy-reason"] == "session")

            let gone = try #require(group).hasSuffix("a1") ? "a2" : "a1"
            try await Self.change(fixture) { ($0.sessions, $0.sessionsAreExternal) = ([gone], true) }
            let moved = try await Self.authorize(fixture, "ada", session: id)
            #expect(moved?.headers["x-convoy-session-group"] == "analytics_\(gone)")

            let request = GateFixture.request(token: try Self.token(fixture, "ada"), more: ["Mcp-Session-Id: \(id)"])
            let ending = request.replacing("X-Convoy-Method: POST", with: "X-Convoy-Method: DELETE")
            #expect(try await fixture.ask(ending)?.status == 204)
            #expect(try await fixture.ask(ending)?.headers["x-convoy-reason"] == "session")
            #expect(try await Self.authorize(fixture, "ada", session: id)?.headers["x-convoy-reason"] == "session")
        }
    }

    @Test("rate, address and tool are refused with their words, and the rate says when to come back")
    func words() async throws {
        try await GateFixture.with { fixture in
            try await Self.change(fixture) { $0.rate = RateLimit(perSecond: 0.1, burst: 2) }
            for _ in 0..<2 { #expect(try await Self.authorize(fixture, "ada")?.status == 204) }
            let limited = try await Self.authorize(fixture, "ada")
            #expect(limited?.status == 403)
            #expect(limited?.headers["x-convoy-reason"] == "rate")
            #expect(limited?.headers["x-convoy-retry-after"] == "10")
            #expect(try await Self.authorize(fixture, "bob")?.status == 204)
            #expect(try await Self.authorize(fixture, "ada", pool: "billing")?.status == 204)
            try await Self.change(fixture) { $0.clients = AddressBlock(bytes: [10, 0, 0, 0], prefix: 8).map { [$0] } }
            #expect(try await Self.authorize(fixture, "bob")?.headers["x-convoy-reason"] == "client")
            #expect(try await Self.authorize(fixture, "bob", more: ["X-Convoy-Client: 10.9.9.9"])?.status == 204)
            let two = ["X-Convoy-Client: 10.9.9.9", "X-Convoy-Client: 10.9.9.8"]
            #expect(try await Self.authorize(fixture, "bob", more: two)?.headers["x-convoy-reason"] == "client")

            try await Self.change(fixture) { ($0.tools, $0.comparesHeaders) = (ToolRule(.allow, ["find"]), true) }
            let modern = ["MCP-Protocol-Version: 2026-07-28"]
            #expect(try await Self.authorize(fixture, "bob", more: modern)?.status == 204)
            #expect(try await Self.authorize(fixture, "bob")?.headers["x-convoy-reason"] == "tool")
            for more in ["Mcp-Name: find", "Mcp-Name: export", "Mcp-Method: tools/list", modern[0]] {
                let doubled = try await Self.authorize(fixture, "bob", more: modern + [more])
                #expect(doubled?.headers["x-convoy-reason"] == "tool", "\(more)")
            }
        }
    }

    @Test("a decision's line says who, from where, what and why, and holds neither token nor session id")
    func audit() async throws {
        try await GateFixture.with { fixture in
            let owner = try #require(try await Self.authorize(fixture, "ada")?.headers["x-convoy-owner"])
            #expect(try await Self.register(fixture, "a1.5ec2e75e55101d", owner: owner) == 204)
            _ = try await Self.authorize(
                fixture, "bob", session: "a1.5ec2e75e55101d", more: ["X-Convoy-Client: 10.9.9.9"])
            let text = await fixture.log.text()
            let lines = try text.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            let line = try #require(lines.last)
            #expect(line["subject"] as? String == "bob")
            #expect(line["issuer"] as? String == fixture.issuer.url)
            #expect(line["client"] as? String == "10.9.9.9")
            #expect(line["pool"] as? String == "analytics")
            #expect(line["tool"] as? String == "find")
            #expect(line["decision"] as? Int == 403)
            #expect(line["word"] as? String == "session")
            #expect(line["reason"] as? String == "the session is somebody else's")
            #expect(line["requestId"] as? String == "r-1")
            let mark = try #require(line["session"] as? String)
            #expect(mark.utf8.count == 8)
            let registered = try #require(lines.first { $0["event"] as? String == "session" })
            #expect(registered["session"] as? String == mark, "the same session has the same mark")
            #expect(!text.contains("5ec2e75e55101d") && !text.contains(owner))
        }
    }
}
