import Testing

@testable import Console

@Suite("Rows of many hosts")
struct HostRowsTests {
    @Test("each host has a row with what it is at and for how long, until it is done")
    func rows() {
        var rows = HostRows()
        #expect(rows.lines(now: 0, width: 80) == [])
        rows.note("web-10", at: "waking", now: 1)
        rows.note("web-2", at: "waking", now: 1)
        rows.note("web-2", at: "unpacking the release", now: 3.5)
        rows.note("web-10", at: "waking", now: 4)
        #expect(
            rows.lines(now: 5, width: 80) == [
                "HOST    SECONDS  STEP", "web-2   1.5      unpacking the release", "web-10  4.0      waking",
            ])
        rows.note("web-2", at: nil, now: 6)
        rows.note("web-3", at: nil, now: 6)
        #expect(rows.lines(now: 6, width: 80).count == 2 && !rows.isEmpty)
        rows.note("web-10", at: nil, now: 6)
        #expect(rows.isEmpty)
    }

    @Test("a hundred hosts and long words fit a terminal")
    func fits() {
        var rows = HostRows()
        for number in 0..<100 { rows.note("host-\(number)", at: String(repeating: "long ", count: 40), now: 0) }
        let lines = rows.lines(now: 100, width: 80)
        #expect(lines.count == 18 && lines.allSatisfy { $0.count <= 80 } && lines.last == "and 84 more")
    }
}
