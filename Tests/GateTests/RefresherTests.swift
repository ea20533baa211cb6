import Admission
import Crypto
import Fleet
import Foundation
import NIOCore
import Testing

@testable import Gate

/// A gate whose issuers are known to a refresher only.
enum RefresherLab {
    static let opaqueIssuer = "https://opaque.example.com"

    /// For tests that let requests wait: the gate's own two seconds may pass before a busy machine looks.
    static let long = TimeAmount.minutes(5)

    static func with(
        patience: TimeAmount = .seconds(2), _ body: (GateFixture, FakeRefresher) async throws -> Void
    ) async throws {
        var refresher: FakeRefresher?
        defer { refresher?.stop() }
        let before: (String, DevelopmentIssuer) throws -> Void = { directory, issuer in
            let fake = try FakeRefresher(directory + "/refresher.sock")
            refresher = fake
            fake.publish(issuer.url, issuer.jwks)
            try GateFixture.write(policy(issuer), to: directory + "/policy.json")
        }
        try await GateFixture.with(policy: false, patience: patience, before: before) { fixture in
            try await body(fixture, try #require(refresher))
        }
    }

    static func policy(_ issuer: DevelopmentIssuer, revision: Int = 1) -> GatePolicy {
        var policy = GateFixture.policy(issuer, revision: revision)
        policy.issuers = [
            .init(url: issuer.url, keys: .refresher, staleLimit: 1000),
            .init(url: opaqueIssuer, keys: .none, introspection: true),
        ]
        return policy
    }

    /// The same issuer with another key.
    static func rotated() -> DevelopmentIssuer { DevelopmentIssuer(key: P256.Signing.PrivateKey(), fleet: "shop") }

    static func token(_ issuer: DevelopmentIssuer) throws -> String {
        try issuer.mint(
            pool: "analytics", scope: "mcp:analytics", audience: GateFixture.url + "/analytics/mcp", subject: "ada",
            ttl: 36_000, now: GateFixture.now
        ).reveal()
    }

    static func word(_ more: [String: JSONValue] = [:]) -> JSONValue {
        .object(
            [
                "active": .bool(true), "sub": .string("grace"), "scope": .string("mcp:analytics"),
                "aud": .string(GateFixture.url + "/analytics/mcp"),
            ].merging(more) { $1 })
    }
}

@Suite("Keys from the refresher")
struct RefreshedKeyTests {
    @Test("tokens are verified with the keys that the refresher has, known before the first request")
    func keys() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            let token = try RefresherLab.token(fixture.issuer)
            #expect(try await fixture.ask(GateFixture.request(token: token))?.status == 204)
            #expect(try await fixture.ask(GateFixture.request(token: token + "AAAA"))?.status == 401)
            #expect(refresher.questions.count == 1)
            #expect(refresher.questions[0].hasPrefix("GET /keys?issuer=urn%3Aconvoy%3Adevelopment%3Ashop HTTP/1.1"))
        }
    }

    @Test("a new key is asked for once, and all who wait for it are let in together")
    func rotation() async throws {
        try await RefresherLab.with(patience: RefresherLab.long) { (fixture, refresher) async throws in
            let next = RefresherLab.rotated()
            refresher.hold()
            let request = GateFixture.request(token: try RefresherLab.token(next))
            let clients = try (0..<10).map { _ in try UnixClient(fixture.socket) }
            for client in clients { try client.send(request) }
            try await until { fixture.server.waiterCount == 10 }
            // Nobody else is held up meanwhile.
            let known = GateFixture.request(token: try RefresherLab.token(fixture.issuer))
            #expect(try await fixture.ask(known)?.status == 204)
            try await refresher.untilAsked("&fresh=1")
            refresher.publish(next.url, next.jwks)
            refresher.release()
            for client in clients { #expect(try await client.answer()?.status == 204) }
            #expect(refresher.count("&fresh=1") == 1)
            #expect(fixture.server.waiterCount == 0)
            #expect(try await fixture.ask(known)?.status == 401, "its key is withdrawn, though it was verified before")
        }
    }

    @Test("a key that nobody knows is asked for at most once a second")
    func unknownKey() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            let request = GateFixture.request(token: try RefresherLab.token(RefresherLab.rotated()))
            for _ in 0..<5 {
                let answer = try await fixture.ask(request)
                #expect(answer?.status == 401)
                #expect(answer?.headers["www-authenticate"]?.contains("the token's key is not known") == true)
            }
            #expect(refresher.count("&fresh=1") == 1)
            fixture.clock.advance(1)
            #expect(try await fixture.ask(request)?.status == 401)
            #expect(refresher.count("&fresh=1") == 2)
        }
    }

    @Test(
        "without a refresher keys stay good until they are too old, then nobody can say", arguments: [0, 404, 500, 503])
    func stale(_ status: Int) async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            refresher.answer(status)
            let request = GateFixture.request(token: try RefresherLab.token(fixture.issuer))
            let stranger = GateFixture.request(token: try RefresherLab.token(RefresherLab.rotated()))
            await fixture.server.refreshKeys()
            #expect(try await fixture.ask(stranger)?.status == 401)
            fixture.clock.advance(1000)
            #expect(try await fixture.ask(request)?.status == 204)
            fixture.clock.advance(1)
            #expect(try await fixture.ask(request)?.status == 503)
            #expect(try await fixture.ask(stranger)?.status == 503)
            refresher.answer(200)
            refresher.publish(fixture.issuer.url, fixture.issuer.jwks, fetchedAt: fixture.clock.now)
            fixture.clock.advance(1)
            #expect(try await fixture.ask(request)?.status == 204, "asked anew by the request itself")
        }
    }

    @Test("keys from the future are no younger than now")
    func future() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            refresher.publish(fixture.issuer.url, fixture.issuer.jwks, fetchedAt: GateFixture.now + 1e9)
            await fixture.server.refreshKeys()
            refresher.answer(503)
            fixture.clock.advance(1001)
            #expect(
                try await fixture.ask(GateFixture.request(token: try RefresherLab.token(fixture.issuer)))?.status == 503
            )
        }
    }

    @Test("a flip while the refresher is away forgets no key")
    func flip() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            refresher.answer(503)
            try GateFixture.write(RefresherLab.policy(fixture.issuer, revision: 2), to: fixture.policyFile)
            await fixture.server.reload()
            #expect(
                try await fixture.ask(GateFixture.request(token: try RefresherLab.token(fixture.issuer)))?.status == 204
            )
        }
    }

    @Test("a refresher that hangs holds a request for no longer than two seconds")
    func hanging() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            refresher.hold()
            let started = ContinuousClock.now
            let stranger = GateFixture.request(token: try RefresherLab.token(RefresherLab.rotated()))
            #expect(try await fixture.ask(stranger)?.status == 401)
            let waited = ContinuousClock.now - started
            #expect(waited > .seconds(1.5) && waited < .seconds(15), "\(waited)")
            #expect(fixture.server.waiterCount == 0)
        }
    }
}

@Suite("Requests that wait")
struct WaitingTests {
    @Test("answers leave in the order of the requests, though the first one has to wait")
    func pipelined() async throws {
        try await RefresherLab.with(patience: RefresherLab.long) { (fixture, refresher) async throws in
            refresher.tell("opaque", RefresherLab.word())
            refresher.hold()
            let client = try UnixClient(fixture.socket)
            let known = GateFixture.request(token: try RefresherLab.token(fixture.issuer))
            let opaque = GateFixture.request(token: "opaque")
            let bare = GateFixture.request(token: nil)
            try client.send(known + opaque + bare + known + opaque + bare)
            #expect(try await client.answer()?.headers["x-convoy-subject"] == "ada")
            try await until { fixture.server.waiterCount == 2 }
            refresher.release()
            #expect(try await client.answer()?.headers["x-convoy-subject"] == "grace")
            #expect(try await client.answer()?.status == 401)
            #expect(try await client.answer()?.headers["x-convoy-subject"] == "ada")
            #expect(try await client.answer()?.headers["x-convoy-subject"] == "grace")
            #expect(try await client.answer()?.status == 401)
            #expect(refresher.count("/introspect") == 1)
        }
    }

    @Test("who leaves while waiting is forgotten, and nobody is admitted for it")
    func leaver() async throws {
        try await RefresherLab.with(patience: RefresherLab.long) { (fixture, refresher) async throws in
            refresher.hold()
            do {
                let client = try UnixClient(fixture.socket)
                try client.send(GateFixture.request(token: "opaque"))
                try await until { fixture.server.waiterCount == 1 }
            }
            try await until { fixture.server.waiterCount == 0 }
            refresher.release()
            let known = GateFixture.request(token: try RefresherLab.token(fixture.issuer))
            #expect(try await fixture.ask(known)?.status == 204)
            #expect(!(await fixture.log.text()).contains("\"subject\":\"grace\""))
        }
    }

    @Test("no more than 128 wait for opaque tokens; the next is told at once that nobody can say")
    func bounded() async throws {
        try await RefresherLab.with(patience: RefresherLab.long) { (fixture, refresher) async throws in
            refresher.hold()
            let clients = try (0..<128).map { number in
                let client = try UnixClient(fixture.socket)
                try client.send(GateFixture.request(token: "opaque-\(number)"))
                return client
            }
            try await until { fixture.server.waiterCount == 128 }
            #expect(try await fixture.ask(GateFixture.request(token: "one-more"))?.status == 503)
            refresher.release()
            for client in clients { #expect([401, 503].contains(try await client.answer()?.status)) }
        }
    }

    @Test("a connection that asks on and on while it waits is cut")
    func greedy() async throws {
        try await RefresherLab.with(patience: RefresherLab.long) { (fixture, refresher) async throws in
            refresher.hold()
            let client = try UnixClient(fixture.socket)
            let bare = GateFixture.request(token: nil)
            try client.send(GateFixture.request(token: "opaque") + String(repeating: bare, count: 100))
            #expect(try await client.isClosed())
            try await until { fixture.server.waiterCount == 0 }
        }
    }

    @Test("a gate that is told to stop answers those who wait first")
    func drain() async throws {
        try await RefresherLab.with(patience: RefresherLab.long) { (fixture, refresher) async throws in
            refresher.tell("opaque", RefresherLab.word())
            let socket = fixture.directory + "/second.sock"
            let server = try await GateServer.start(
                policyFile: fixture.policyFile, listener: .path(socket), log: fixture.log.audit,
                refresher: fixture.directory + "/refresher.sock", patience: RefresherLab.long,
                clock: { GateFixture.now })
            refresher.hold()
            let client = try UnixClient(socket)
            try client.send(GateFixture.request(token: "opaque"))
            try await until { server.waiterCount == 1 }
            let stopping = Task { await server.stop() }
            try await until { (try? UnixClient(socket)) == nil }
            refresher.release()
            #expect(try await client.answer()?.status == 204)
            #expect(try await client.isClosed())
            await stopping.value
        }
    }
}

@Suite("Opaque tokens")
struct OpaqueTokenTests {
    private func ask(_ token: String, at fixture: GateFixture) async throws -> UnixClient.Answer? {
        try await fixture.ask(GateFixture.request(token: token))
    }

    @Test("the issuer's word admits for a minute, and is asked for once")
    func admitted() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            refresher.tell("opaque", RefresherLab.word())
            for _ in 0..<3 { #expect(try await ask("opaque", at: fixture)?.headers["x-convoy-subject"] == "grace") }
            #expect(refresher.count("/introspect") == 1)
            #expect(refresher.questions.last?.contains("\"issuer\" : \"https://opaque.example.com\"") == true)
            refresher.tell("opaque", .object(["active": .bool(false)]))
            fixture.clock.advance(60)
            #expect(try await ask("opaque", at: fixture)?.status == 401)
            #expect(refresher.count("/introspect") == 2)
        }
    }

    @Test("a refusal is remembered for ten seconds")
    func refused() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            for _ in 0..<3 {
                let answer = try await ask("opaque", at: fixture)
                #expect(answer?.status == 401)
                #expect(answer?.headers["www-authenticate"]?.contains("the token is not active") == true)
            }
            #expect(refresher.count("/introspect") == 1)
            refresher.tell("opaque", RefresherLab.word())
            fixture.clock.advance(10)
            #expect(try await ask("opaque", at: fixture)?.status == 204)
        }
    }

    @Test("what the issuer says is judged like a token's own claims")
    func judged() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            let now = Int(GateFixture.now)
            let words: [(String, [String: JSONValue], Int)] = [
                ("good", ["iss": .string(RefresherLab.opaqueIssuer), "exp": .integer(now + 5)], 204),
                ("audience", ["aud": .string("https://mcp.example.com/billing/mcp")], 401),
                ("scope", ["scope": .string("mcp:billing")], 403), ("expired", ["exp": .integer(now - 31)], 401),
                ("early", ["nbf": .integer(now + 31)], 401), ("issuer", ["iss": .string(fixture.issuer.url)], 401),
                ("bound", ["cnf": .object(["jkt": .string("x")])], 401),
            ]
            for (token, more, status) in words {
                refresher.tell(token, RefresherLab.word(more))
                #expect(try await ask(token, at: fixture)?.status == status, "\(token)")
            }
            // It is not good for longer than it says, whatever is remembered.
            fixture.clock.advance(35)
            refresher.answer(503)
            #expect(try await ask("good", at: fixture)?.status == 503)
        }
    }

    @Test("when nobody can say it is 503, and no token is in any log")
    func away() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            refresher.answer(503)
            #expect(try await ask("a-very-secret-token", at: fixture)?.status == 503)
            refresher.stop()
            #expect(try await ask("a-very-secret-token", at: fixture)?.status == 503)
            #expect(!(await fixture.log.text()).contains("a-very-secret-token"))
        }
    }

    @Test("a token in the form of a JWT never goes to an issuer that it does not name")
    func notLeaked() async throws {
        try await RefresherLab.with { (fixture, refresher) async throws in
            let foreign = "e30.e30.AAAA"
            let stranger = try RefresherLab.token(DevelopmentIssuer(key: P256.Signing.PrivateKey(), fleet: "other"))
            for token in [foreign, stranger, try RefresherLab.token(fixture.issuer) + "AAAA"] {
                #expect(try await ask(token, at: fixture)?.status == 401)
            }
            #expect(refresher.count("/introspect") == 0)
        }
    }
}
