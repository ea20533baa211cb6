import Testing

@testable import Planning

@Suite("Judging a certificate")
struct CertificateJudgeTests {
    private let good = CertificateFacts(
        subject: "CN=mcp", notBefore: 1000, notAfter: 1000 + 90 * 86400, keyMatches: true, coversHost: true,
        isAnchored: true, lastIssuer: "CN=root")

    private func findings(now: Double = 2000, _ change: (inout CertificateFacts) -> Void = { _ in })
        -> [CertificateJudge.Finding]
    {
        var facts = good
        change(&facts)
        return CertificateJudge.judge(facts, host: "mcp.example.com", now: now)
    }

    @Test("one that fits in every way leaves nothing to say")
    func fits() {
        #expect(findings().isEmpty)
    }

    @Test("from its first second to its last it is valid, and not a second longer")
    func bounds() {
        #expect(findings(now: good.notBefore).isEmpty)
        #expect(findings(now: good.notBefore - 1).map(\.isFault) == [true])
        #expect(findings(now: good.notAfter - 1).map(\.isFault) == [false])
        #expect(findings(now: good.notAfter).map(\.isFault) == [true])
    }

    @Test("in its last week it is worth a word, and no more")
    func soon() {
        #expect(findings(now: good.notAfter - CertificateJudge.soon).isEmpty)
        let last = findings(now: good.notAfter - 3 * 86400)
        #expect(last.map(\.what) == ["it expires in 3 days"] && last.allSatisfy { !$0.isFault })
    }

    @Test("every fault is told at once, each with a next step, faults before warnings")
    func all() {
        let found = findings(now: good.notAfter + 86400 * 3) {
            $0.keyMatches = false
            $0.coversHost = false
            $0.brokenAfter = 1
            $0.isAnchored = false
        }
        #expect(found.count == 4 && found.allSatisfy { $0.isFault && !$0.next.isEmpty })
        let mixed = findings {
            $0.coversHost = false
            $0.isAnchored = false
        }
        #expect(mixed.map(\.isFault) == [true, false])
    }

    @Test("an issuer that this machine does not know may be a private root: a warning")
    func privateRoot() {
        let found = findings { $0.isAnchored = false }
        #expect(found.map(\.isFault) == [false] && found[0].what.contains("CN=root"))
    }
}
