import Fleet
import Testing

@testable import Operations

@Suite("Drift log")
struct DriftLogTests {
    private func report(_ subjects: String...) -> DriftReport {
        DriftReport(
            fleet: "shop",
            findings: subjects.map {
                DriftFinding(.mode, $0, wish: "0600", found: "0644", whoCould: "root", heal: "", canHeal: true)
            })
    }

    @Test("a difference is told once, at its second look, and once when it is gone")
    func once() {
        var log = DriftLog()
        #expect(log.note(report("/a")) == [])
        #expect(log.note(report("/a", "/b")).count == 1)
        #expect(log.note(report("/a", "/b")).count == 1)
        #expect(log.note(report("/a", "/b")) == [])
        #expect(log.note(report("/b")) == ["drift: mode /a: gone"])
    }

    @Test("what only one look saw, such as a rollout on its way, is not told")
    func transient() {
        var log = DriftLog()
        #expect(log.note(report("/a")) == [])
        #expect(log.note(report()) == [])
        #expect(log.note(report("/a")) == [])
    }
}
