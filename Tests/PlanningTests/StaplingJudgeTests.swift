import Fleet
import Testing

@testable import Planning

@Suite("StaplingJudge")
struct StaplingJudgeTests {
    private static let day: Double = 86400

    private func findings(
        now: Double = 1000, _ change: (inout StaplingFacts) -> Void = { _ in }
    ) -> [CertificateJudge.Finding] {
        var facts = StaplingFacts(
            isAboutCertificate: true, status: .good, thisUpdate: 0, nextUpdate: Self.day, isSigned: true)
        change(&facts)
        return CertificateJudge.judge(facts, now: now)
    }

    @Test("a fresh response about the certificate has nothing to be said of, signed or not to be told")
    func good() {
        #expect(findings().isEmpty)
        #expect(findings { $0.isSigned = nil }.isEmpty)
    }

    @Test("at the second it ends it is stale; one without an end lasts a week")
    func stale() {
        #expect(findings(now: Self.day - 1).map(\.isFault) == [false])
        #expect(findings(now: Self.day).first?.what.hasPrefix("it is stale for") == true)
        #expect(findings(now: 6 * Self.day) { $0.nextUpdate = nil }.map(\.isFault) == [false])
        #expect(findings(now: 7 * Self.day) { $0.nextUpdate = nil }.map(\.isFault) == [true])
    }

    @Test("whoever keeps it fresh has three quarters of its life before a word is said")
    func aging() {
        #expect(findings(now: Self.day * 0.75 - 1).isEmpty)
        #expect(findings(now: Self.day * 0.75 + 1).map(\.isFault) == [false])
    }

    @Test("a clock that is minutes apart is forgiven, one that is hours apart is not")
    func early() {
        #expect(findings(now: -299).isEmpty)
        #expect(findings(now: -301).first?.what.contains("not valid for another") == true)
    }

    @Test("revoked, unknown, unsigned, about another, or an excuse: a fault each, and only one")
    func faults() {
        #expect(findings { $0.status = .revoked }.first?.what.contains("revoked") == true)
        #expect(findings { $0.status = .unknown }.map(\.isFault) == [true])
        #expect(findings { $0.isSigned = false }.map(\.isFault) == [true])
        #expect(findings { $0.isAboutCertificate = false }.map(\.isFault) == [true])
        #expect(findings { $0.excuse = "trylater" }.first?.what.contains("trylater") == true)
        let everything = findings(now: 1e9) {
            $0.status = .revoked
            $0.isSigned = false
        }
        #expect(everything.count == 1)
    }
}
