import Fleet
import Foundation
import Testing

@testable import Gate

@Suite("Counting sessions")
struct SessionCountTests {
    private static let owner = Digest128(high: 1, low: 2)

    private static func home(_ id: String) -> SessionHome { SessionHome(pool: "analytics", id: id) }

    @Test("a session counts for who opened it, until it is closed, or was left for too long")
    func tally() throws {
        let table = try SessionTable(count: 1024)
        for (number, id) in ["a1.x", "a1.y", "b12.z", "0f0f"].enumerated() {
            let session = table.digest(id, pool: "analytics")
            _ = table.register(session, owner: Self.owner, home: Self.home(id), now: 1000 + Double(number))
        }
        let all = [Self.home("a1.q"): 2, Self.home("b12.q"): 1, Self.home("ffff"): 1]
        #expect(table.tally(now: 1010, idle: 60) == all)
        #expect(Self.home("b12.q").tag == "b12" && Self.home("ffff").tag == nil)
        let first = table.digest("a1.x", pool: "analytics")
        table.close(first)
        #expect(table.tally(now: 1010, idle: 60)[Self.home("a1.q")] == 1)
        #expect(table.holder(of: first, asking: Self.owner, now: 1011) == .owner)
        #expect(table.tally(now: 1011, idle: 60) == all, "its server did not end it")
        #expect(table.tally(now: 1062.5, idle: 60) == [Self.home("a1.q"): 1, Self.home("ffff"): 1])
        table.forget(first)
        #expect(table.tally(now: 1011, idle: 60)[Self.home("a1.q")] == 1)
        #expect(table.tally(now: 9999, idle: 1) == [:])
    }

    @Test("ids of servers that look like tags are none", arguments: ["a.x", "c1.x", "a123.x", "a1", ".x", "ab.x", ""])
    func tags(_ id: String) { #expect(Self.home(id).tag == nil) }

    @Test("sessions of a gate that did not count are not counted, and stay whose they are")
    func older() throws {
        let table = try SessionTable(count: 64)
        let session = table.digest("a1.x", pool: "analytics")
        _ = table.register(session, owner: Self.owner, now: 1000)
        #expect(table.tally(now: 1000, idle: 60) == [:])
        #expect(table.holder(of: session, asking: Self.owner, now: 1000) == .owner)
    }

    private static func count(_ fixture: GateFixture, _ query: String = "idle=300") async throws -> UnixClient.Answer? {
        try await fixture.ask("GET /sessions HTTP/1.1\r\nHost: gate\r\nX-Convoy-Query: \(query)\r\n\r\n")
    }

    @Test("the supervisor is told per pool and instance; what it can't ask is refused")
    func contract() async throws {
        try await GateFixture.with { fixture in
            let token = try fixture.token()
            let owner = try await fixture.ask(GateFixture.request(token: token))?.headers["x-convoy-owner"] ?? ""
            for id in ["a2.one", "a2.two", "b1.three"] {
                let lines = ["X-Convoy-Pool: analytics", "X-Convoy-Owner: \(owner)", "Mcp-Session-Id: \(id)"]
                _ = try await fixture.ask(
                    (["POST /session HTTP/1.1", "Host: gate"] + lines).joined(separator: "\r\n") + "\r\n\r\n")
            }
            let answer = try await Self.count(fixture)
            #expect(answer?.status == 200)
            struct Document: Decodable { var sessions: [SessionTally] }
            func told() async throws -> [SessionTally] {
                let body = try await Self.count(fixture)?.body ?? ""
                return try JSONDecoder().decode(Document.self, from: Data(body.utf8)).sessions
            }
            let a2 = SessionTally(pool: "analytics", tag: "a2", live: 2)
            let b1 = SessionTally(pool: "analytics", tag: "b1", live: 1)
            #expect(try await told() == [a2, b1])
            let ending = GateFixture.request(token: token, more: ["Mcp-Session-Id: b1.three"])
                .replacing("X-Convoy-Method: POST", with: "X-Convoy-Method: DELETE")
            #expect(try await fixture.ask(ending)?.status == 204)
            #expect(try await told() == [a2])
            fixture.clock.advance(301)
            #expect(try await told() == [])
            for bad in ["", "idle=", "idle=-1", "idle=x", "idle=nan", "x=1"] {
                #expect(try await Self.count(fixture, bad)?.status == 400, "\(bad)")
            }
        }
    }

    @Test("a part of the callers is told the other colour, each always the same, and at once all are told one again")
    func share() async throws {
        try await GateFixture.with { fixture in
            let tokens = try (0..<200).map { number in
                try fixture.issuer.mint(
                    pool: "analytics", scope: "mcp:analytics", audience: "\(GateFixture.url)/analytics/mcp",
                    subject: "user\(number)", ttl: 3600, now: GateFixture.now
                ).reveal()
            }
            func groups() async throws -> [String] {
                let client = try UnixClient(fixture.socket)
                var groups: [String] = []
                for token in tokens {
                    try client.send(GateFixture.request(token: token))
                    groups.append(try await client.answer()?.headers["x-convoy-group"] ?? "none")
                }
                return groups
            }
            var policy = GateFixture.policy(fixture.issuer, revision: 2)
            policy.pools[0].also = GatePolicy.Pool.Also(colour: .b, part: 0.3, seed: 2)
            try GateFixture.write(policy, to: fixture.policyFile)
            await fixture.server.reload()
            let first = try await groups()
            #expect((35...85).contains(first.count { $0 == "analytics_b" }))
            #expect(try await groups() == first)
            policy.pools[0].also = nil
            policy.revision = 3
            try GateFixture.write(policy, to: fixture.policyFile)
            await fixture.server.reload()
            #expect(try await groups().allSatisfy { $0 == "analytics_a" })
        }
    }
}
