import Testing

@testable import Planning

@Suite("Lines of many logs as one")
struct LogEntryTests {
    private func entry(_ time: Double, _ source: String, _ message: String = "") -> LogEntry {
        LogEntry(time: time, source: source, message: message)
    }

    @Test("lines without a time have that of the line before, the first ones that of the next")
    func dated() {
        let lines = ["first", "2026-11-21T00:00:01Z x", "  at y", "2026-11-21T00:00:02Z z", "end"]
        let entries = LogEntry.dated(lines, source: "shop-eu-2-g13", otherwise: 5) { _ in 0 }
        #expect(entries.map { $0.time - 1_795_219_200 } == [1, 1, 1, 2, 2])
        #expect(entries.allSatisfy { $0.pool == "shop-eu" && $0.generation == 13 })
        #expect(LogEntry.dated(["x"], source: "gate", otherwise: 5) { _ in 0 }.map(\.time) == [5])
    }

    @Test("sources are merged by time, and none loses its own order when its clock is set back")
    func merged() {
        let one = [entry(1, "a"), entry(9, "a"), entry(4, "a", "set back"), entry(10, "a")]
        let two = [entry(2, "b"), entry(9.5, "b")]
        let all = LogEntry.merged([one, two])
        #expect(all.map(\.time) == [1, 2, 9, 4, 9.5, 10])
        #expect(LogEntry.merged([one, two], last: 2) == all.suffix(2))
        #expect(LogEntry.merged([one, two], last: 0).isEmpty)
    }

    @Test("a pool's name means its instances and no other pool's")
    func selection() {
        let logs = ["edge", "edge-access", "edge-error", "gate", "shop-1-g1", "shop-eu-1-g2"]
        func meant(_ names: String...) -> [String] { logs.filter(LogSelection(names).includes) }
        #expect(meant() == logs)
        #expect(meant("shop") == ["shop-1-g1"] && meant("shop-eu", "gate") == ["gate", "shop-eu-1-g2"])
        #expect(meant("edge") == ["edge", "edge-access", "edge-error"] && meant("edge-error") == ["edge-error"])
        #expect(LogSelection(["gate", "shop-2-g1", "none"]).unknown(among: logs) == ["shop-2-g1", "none"])
    }

    @Test("credentials are blotted out, and what a terminal would obey is spelled out")
    func text() {
        #expect(
            LogText.redacted("to mongodb://convoy-shop.a:s3cr%40t@db1,db2/?x and http://h/p")
                == "to mongodb://<redacted>@db1,db2/?x and http://h/p")
        #expect(LogText.redacted("Authorization: Bearer eyJh.eyJz.c2ln-_") == "Authorization: Bearer <redacted>")
        #expect(LogText.redacted("a bearer of news") == "a bearer of news")
        #expect(LogText.lines("a\u{1B}[2Jb\tc\r\nd\u{7}") == ["a\\x1b[2Jb\tc", "d\\x07"])
    }
}
