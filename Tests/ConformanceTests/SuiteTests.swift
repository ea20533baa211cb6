import Crypto
import Fleet
import Foundation
import Ports
import Testing

@testable import Conformance

@Suite struct SuiteTests {
    private func run(_ flaws: Set<TinyEdge.Flaw>, _ checks: [Check] = Catalogue.all) async throws -> EndpointReport {
        let key = P256.Signing.PrivateKey()
        let url = try EndpointURL("https://mcp.tiny.example/tiny/mcp")
        let edge = try TinyEdge(flaws, key: key, url: url)
        let target = Target(
            url: url, issuer: "https://issuer.example", scope: "mcp:tiny",
            scopeClaim: flaws.contains(.roles) ? try ScopeClaim("realm_access.roles") : .standard,
            neighbour: .init(audience: "https://mcp.tiny.example/other/mcp", scope: "mcp:other"), isAlone: true,
            tools: .init(denied: TinyEdge.deniedTool), rate: TinyEdge.rate,
            clients: .init(listed: ["10.0.0.1"], isOutside: flaws.contains(.outside)))
        let signing = SigningKey(.p256(key), algorithm: "ES256", keyID: "k1")
        let forge = try TokenForge(signing, target: target) { Clock.seconds }
        let identity = try ClientIdentity.stranger()
        let certified = try CertifiedClient(identity) { shown in
            let isKnown = shown.thumbprint == identity.thumbprint
            return TinyWire(edge: edge, certificate: isKnown || flaws.contains(.open) ? shown.thumbprint : nil)
        }
        let bench = Bench(
            target: target, wire: edge, forge: forge, time: Clock(), sight: edge, certified: certified)
        let report = try await SuiteRunner(checks, width: 2).run(on: bench, progress: Quiet())
        if flaws.isEmpty { #expect(edge.state.withLock { $0.sessions.isEmpty }, "a session was left behind") }
        return report
    }

    @Test("an edge that is right in everything passes every check, and none is left out")
    func right() async throws {
        let report = try await run([])
        let modern = try await run([.modernOnly])
        #expect(modern.checks.first { $0.id == "methods.modern-post-only" }?.outcome == .passed)
        let outside = try await run([.outside])
        #expect(outside.checks.first { $0.id == "clients.refused" }?.outcome == .passed)
        #expect(!outside.checks.contains { $0.outcome == .failed })
        #expect(outside.checks.contains { $0.group == "token" && $0.outcome == .skipped })
        let elsewhere = ["methods.modern-post-only", "clients.refused"]
        for check in report.checks where check.outcome != .passed && !elsewhere.contains(check.id) {
            Issue.record("\(check.id): \(check.outcome): \(check.why); sent \(check.sent); seen \(check.seen)")
        }
        #expect(report.checks.count == Catalogue.all.count)
        #expect(report.era == "modern and legacy")
    }

    private func failing(_ flaws: Set<TinyEdge.Flaw>) async throws -> [String] {
        try await run(flaws).checks.filter { $0.outcome == .failed || $0.outcome == .warned }.map(\.id)
    }

    @Test("every check can fail")
    func everyCheckCanFail() async throws {
        let edges = TinyEdge.Flaw.allCases.map { [$0] } + [[.modernOnly, .anyMethod], [.outside, .anyClient]]
        // Several at a time: some checks have to wait.
        let failing = try await withThrowingTaskGroup(of: [String].self) { group in
            var waiting = edges.makeIterator()
            var failing: Set<String> = []
            for _ in 0..<6 { if let flaws = waiting.next() { group.addTask { try await self.failing(Set(flaws)) } } }
            while let ids = try await group.next() {
                failing.formUnion(ids)
                if let flaws = waiting.next() { group.addTask { try await self.failing(Set(flaws)) } }
            }
            return failing
        }
        // Nothing but the clock, a plain URL or the alphabet of an id could make these fail here.
        let elsewhere: Set = ["metadata.plain-http-is-loopback"]
        #expect(Set(Catalogue.all.map(\.id)).subtracting(failing).subtracting(elsewhere) == [])
    }

    @Test(
        "each flaw is found by the check that is about it",
        arguments: [
            (TinyEdge.Flaw.noChallenge, "challenge.401-has-resource-metadata"),
            (.plainForbidden, "challenge.403-has-scope"), (.algNone, "token.alg-none"),
            (.publicKeyAsSecret, "token.hs256-public-pem"), (.ownKey, "header.jwk"),
            (.noAudience, "token.wrong-audience"), (.noExpiry, "token.expired"), (.anyIssuer, "token.wrong-issuer"),
            (.duplicateMembers, "token.duplicate-claims-last"), (.lenientBase64, "token.padding"),
            (.anyScope, "challenge.403-neighbour-scope"), (.queryToken, "credentials.query"),
            (.firstHeaderOnly, "credentials.two-good-bad"), (.anyOrigin, "origin.suffix"), (.anyHost, "host.foreign"),
            (.hostInMetadata, "metadata.forwarded-host-not-believed"), (.noMetadata, "metadata.path-inserted"),
            (.loosePath, "path.token-elsewhere"), (.lenientFraming, "framing.length-and-chunked"),
            (.anyMethod, "methods.put"), (.deadSessionIs400, "sessions.unknown"),
            (.sharedSessions, "sessions.other-subject"), (.looseTag, "sessions.edited-tag"),
            (.trustsGroup, "trust.group-no-effect"), (.passesToken, "upstream.token"), (.version, "leaks.version"),
            (.keepsCredentials, "credentials.not-kept"), (.oldTLS, "tls.no-1.0"), (.cookie, "leaks.no-cookie"),
            (.anyHeader, "trust.user-no-entry"), (.anyTool, "tools.denied"), (.looseTools, "tools.name-hides"),
            (.looseTools, "tools.version"), (.noRate, "rate.limited"), (.rateByAddress, "rate.no-escape"),
            (.noRetryAfter, "rate.retry-after"), (.rateForAll, "rate.others"),
            (.rateCountsStrangers, "rate.strangers"), (.trustsForwarded, "clients.forwarded-for"),
            (.anyBinding, "bound.without-certificate"), (.anyBinding, "bound.dpop-as-bearer"),
            (.anyCertificate, "bound.other-certificate"), (.headerCertificate, "bound.certificate-in-header"),
        ])
    func planted(flaw: TinyEdge.Flaw, expected: String) async throws {
        let report = try await run([flaw], Catalogue.matching([expected, "baseline"]))
        #expect(report.checks.first { $0.id == expected }?.outcome != .passed)
        #expect(report.checks.first { $0.id == "baseline.good-token" }?.outcome == .passed)
    }

    @Test("a good token that is not admitted skips what a refusal would not tell, and fails the baseline")
    func vacuous() async throws {
        let report = try await run([.crashes], Catalogue.matching(["baseline", "token", "leaks.version"]))
        #expect(report.checks.first { $0.id == "baseline.good-token" }?.outcome == .failed)
        #expect(report.checks.filter { $0.group == "token" }.allSatisfy { $0.outcome == .skipped })
        #expect(report.checks.first { $0.id == "leaks.version" }?.outcome == .failed)
    }

    @Test("scopes are written where the issuer writes them, and only there they count")
    func roles() async throws {
        let report = try await run([.roles], Catalogue.matching(["baseline", "challenge", "sessions.wrong-scope"]))
        #expect(report.checks.filter { $0.outcome != .passed }.map(\.id) == [])
    }

    @Test("from outside of the list of clients nothing is looked at but the refusal, and headers that feign")
    func outside() async throws {
        let report = try await run([.outside, .trustsForwarded], Catalogue.matching(["clients", "token"]))
        #expect(report.checks.first { $0.id == "clients.forwarded-for" }?.outcome == .failed)
        #expect(report.checks.filter { $0.group == "token" }.allSatisfy { $0.outcome == .skipped })
    }

    @Test("no token goes to an edge whose certificate is not trusted")
    func distrust() async throws {
        let report = try await run([.wrongName], Catalogue.matching(["tls.certificate", "token", "baseline"]))
        #expect(report.checks.first { $0.id == "tls.certificate" }?.outcome == .failed)
        #expect(report.checks.filter { $0.group != "tls" }.allSatisfy { $0.outcome == .skipped })
    }

    @Test("no report has a token in it, even if the edge repeats every one")
    func redacted() async throws {
        for flaw in [TinyEdge.Flaw.open, .crashes, .passesToken] {
            let text = try StableJSON.text(await run([flaw]))
            #expect(!text.contains(#/eyJ[A-Za-z0-9_-]{16,}/#))
        }
    }
}

struct Quiet: Ports.Progress {
    func step(_ text: String) {}
    func detail(_ text: String) {}
}

struct Clock: Timepiece {
    static var seconds: Double { Date().timeIntervalSince1970 }
    func now() -> Seconds { Seconds(Self.seconds) }
    func wallClock() -> Double { Self.seconds }
    func sleep(_ time: Seconds) async throws { try await Task.sleep(for: time.duration) }
}
