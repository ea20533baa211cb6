import Fleet
import Foundation
import Testing

@testable import Issuers

@Suite("How keys stay fresh")
struct FreshnessTests {
    private func kids(_ answer: UnixClient.Answer) -> [String] {
        (answer.json["jwks"]?["keys"]?.arrayValue ?? []).map { $0["kid"]?.stringValue ?? "-" }
    }

    @Test("new keys are taken over when the issuer's max-age is over")
    func rotation() async throws {
        let headers = ["Cache-Control": "public, max-age=1200", "Age": "300"]
        let reply = ScriptedIssuer.Reply.json(SampleKeys.jwks("one"), headers)
        try await withRefresher(script: { $0.script("/keys", reply) }) { lab async throws in
            _ = try await lab.keys()
            lab.issuer.script("/keys", .json(SampleKeys.jwks("two")))
            await lab.time.untilSleeping(for: 900)
            lab.time.advance(899)
            #expect(kids(try await lab.keys()) == ["one"])
            lab.time.advance(1)
            await lab.time.untilSleeping(for: 600)
            let answer = try await lab.keys()
            #expect(kids(answer) == ["two"])
            #expect(answer.json["fetchedAt"]?.integerValue == 1_700_001_900)
        }
    }

    @Test("whoever needs a new key gets it at once, but only once in half a minute")
    func forced() async throws {
        try await withRefresher { lab async throws in
            _ = try await lab.keys()
            for _ in 0..<5 { #expect(try await lab.keys(fresh: true).status == 200) }
            #expect(lab.issuer.questions("/keys").count == 2)
            lab.issuer.script("/keys", .json(SampleKeys.jwks("two")))
            #expect(kids(try await lab.keys(fresh: true)) == ["one"])
            lab.time.advance(30)
            #expect(kids(try await lab.keys(fresh: true)) == ["two"])
            #expect(lab.issuer.questions("/keys").count == 3)
        }
    }

    @Test("a crowd that needs a new key asks the issuer once")
    func crowd() async throws {
        try await withRefresher { lab async throws in
            _ = try await lab.keys()
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<50 { group.addTask { try await lab.keys(fresh: true).status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers == Array(repeating: 200, count: 50))
            #expect(lab.issuer.questions("/keys").count == 2)
        }
    }

    @Test("keys outlive an issuer that is away, up to the bound; then nobody gets them; then it comes back")
    func staleWhileError() async throws {
        try await withRefresher(plan: { issuer, _ in
            RefresherPlan(
                revision: 1, issuers: [.init(url: issuer.origin, keys: .url(issuer.origin + "/keys"))], staleLimit: 700)
        }) { lab async throws in
            _ = try await lab.keys()
            lab.issuer.script("/keys", .answer(502, body: ""))
            await lab.time.untilSleeping(for: 350)
            lab.time.advance(350)
            await lab.journal.until("not fetched")
            #expect(try await lab.keys().status == 200)
            let health = try await lab.get("/healthz")
            #expect(health.text.contains("HTTP 502") && health.text.contains("\"fetchedAt\":1700001000"))
            await lab.time.untilSleeping(for: 2)
            lab.time.advance(351)
            await lab.issuer.untilAsked("/keys", times: 3)
            await lab.time.untilSleeping(for: 4)
            let answer = try await lab.keys()
            #expect(answer.status == 503 && answer.text.contains("older than 700s"))
            #expect(try await lab.get("/healthz").text.contains("\"fetchedAt\":null"))
            #expect(lab.journal.count("not fetched") == 1 && lab.journal.count("too old by now") == 1)
            lab.issuer.script("/keys", .json(SampleKeys.jwks("one")))
            lab.time.advance(4)
            await lab.journal.until("fetched again")
            #expect(try await lab.keys().status == 200)
        }
    }

    @Test("a forced fetch that fails leaves what is there")
    func forcedFailure() async throws {
        try await withRefresher { lab async throws in
            _ = try await lab.keys()
            lab.issuer.script("/keys", .answer(500, body: ""))
            #expect(kids(try await lab.keys(fresh: true)) == ["one"])
        }
    }

    @Test("a fetch that never ends holds nobody for ever")
    func lostFetch() async throws {
        let (time, journal) = (HandTime(), Journal())
        let keeper = KeyKeeper(
            issuer: "https://a.example", policy: .init(), time: time, dice: { 0 }, log: { journal.write($0) }
        ) { () async throws(IssuerFault) in
            // Waits for its cancellation, which comes with the next fetch at the earliest.
            let (stream, continuation) = AsyncStream<Never>.makeStream()
            for await _ in stream {}
            continuation.finish()
            throw IssuerFault("cancelled")
        }
        await keeper.start()
        await time.untilSleeping(for: 30)
        async let reason = Self.reason(keeper)
        time.advance(30)
        #expect(await reason.contains("a fetch did not end"))
        await keeper.stop()
    }

    private static func reason(_ keeper: KeyKeeper) async -> String {
        do throws(IssuerFault) { return "\(try await keeper.keys(fresh: false))" } catch { return error.description }
    }

    @Test("a plan read again keeps the keys of issuers that did not change, and drops the others'")
    func reload() async throws {
        try await withRefresher { lab async throws in
            _ = try await lab.keys()
            let other = RefresherPlan.Issuer(url: lab.issuer.origin + "/b", keys: .url(lab.issuer.origin + "/b/keys"))
            lab.issuer.script("/b/keys", .json(SampleKeys.jwks("b")))
            let first = RefresherPlan.Issuer(url: lab.issuer.origin, keys: .url(lab.issuer.origin + "/keys"))
            try lab.write(RefresherPlan(revision: 2, issuers: [first, other]))
            await lab.server.reload()
            #expect(kids(try await lab.keys(other.url)) == ["b"])
            #expect(kids(try await lab.keys()) == ["one"])
            #expect(lab.issuer.questions("/keys").count == 1)
            var changed = first
            changed.keys = .url(lab.issuer.origin + "/nowhere")
            try lab.write(RefresherPlan(revision: 3, issuers: [changed]))
            await lab.server.reload()
            #expect(try await lab.keys().status == 503)
            #expect(try await lab.keys(other.url).status == 404)
        }
    }

    @Test("a bad plan never replaces a good one, and is told")
    func badPlan() async throws {
        try await withRefresher { lab async throws in
            for text in ["{", "{}", #"{"revision":2,"issuers":[{"url":"http://a.example","keys":"discover"}]}"#] {
                try text.write(toFile: lab.planFile, atomically: true, encoding: .utf8)
                await lab.server.reload()
            }
            try FileManager.default.removeItem(atPath: lab.planFile)
            await lab.server.reload()
            let first = RefresherPlan.Issuer(url: lab.issuer.origin, keys: .url(lab.issuer.origin + "/keys"))
            try lab.write(RefresherPlan(revision: 9, ca: lab.planFile, issuers: [first]))
            await lab.server.reload()
            #expect(lab.journal.count("plan refused") == 5 && lab.journal.text.contains("revision 1 stays"))
            #expect(try await lab.keys().status == 200)
            #expect(try await lab.get("/healthz").json["revision"]?.integerValue == 1)
        }
    }
}
