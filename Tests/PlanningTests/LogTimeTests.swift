import Fleet
import Testing

@testable import Planning

@Suite("When a line of a log was written")
struct LogTimeTests {
    /// 2026-11-21T18:31:59Z
    private let moment = 1_795_285_919.0
    /// An hour east of UTC.
    private let east: LogTime.LocalOffset = { _ in 3600 }

    @Test(
        "stamps of every server are understood",
        arguments: [
            "2026-11-21T18:31:59Z words", "[2026-11-21T18:31:59Z] words", "2026-11-21T18:31:59.000Z",
            "2026-11-21T19:31:59+01:00 words", "2026-11-21T13:01:59-0530 words",
            "2026/11/21 19:31:59 [warn] 12#12: words",
            "2026-11-21 19:31:59,000 INFO words", #"{"time":"2026-11-21T18:31:59+00:00","id":"x"}"#,
            #"{"level":"x","ts": 1795285919.0}"#, #"{"ts":1795285919000,"message":"2020-01-01T00:00:00Z"}"#,
            #"{"t":{"$date":"2026-11-21T18:31:59.000+00:00"},"s":"I"}"#, #"time=2026-11-21T18:31:59Z level=INFO"#,
            #"time="2026-11-21T18:31:59Z" level=info"#,
        ])
    func stamps(_ line: String) { #expect(LogTime.of(line, localOffset: east) == moment) }

    @Test(
        "a line that does not tell is not guessed at",
        arguments: [
            "", "INFO:     127.0.0.1 - \"POST /mcp\"", "2026-13-21T18:31:59Z", "2026-11-21", "2026-11-21T25:00:00Z",
            "{", #"{"message":"time"}"#, #"{"time":"soon"}"#, "time=", "  at line 12", #"{"ts":12}"#, "18:31:59 words",
        ])
    func none(_ line: String) { #expect(LogTime.of(line, localOffset: east) == nil) }

    @Test("a fraction of a second counts")
    func fraction() throws {
        let time = try #require(LogTime.of("2026-11-21T18:31:59.25Z x", localOffset: east))
        #expect(time == moment + 0.25 && LogTime.text(time) == "2026-11-21T18:31:59.250Z")
    }

    @Test("dates go to days and back, over leap years and centuries")
    func dates() {
        for days in stride(from: 0, to: 200_000, by: 13) {
            let date = CivilDate(days: days)
            #expect(CivilDate(year: date.year, month: date.month, day: date.day)?.days == days)
        }
        #expect(CivilDate(days: 0).text == "1970-01-01" && CivilDate(days: 11_016).text == "2000-02-29")
    }

    @Test(
        "since takes an age, a day, a time of day and a moment",
        arguments: [
            ("30m", 1_795_284_119.0), ("2026-11-21T18:31:59Z", 1_795_285_919), ("2026-11-21 19:31", 1_795_285_860),
            ("2026-11-21", 1_795_215_600), ("19:31", 1_795_285_860), ("00:00:01", 1_795_215_601),
        ])
    func since(_ text: String, _ time: Double) throws {
        #expect(try LogTime.since(text, now: moment, localOffset: east) == time)
    }

    @Test("since refuses anything else as a wrong use", arguments: ["", "soon", "30", "25:00", "2026-11-21x", "1d"])
    func refused(_ text: String) {
        let failure = #expect(throws: Failure.self) {
            try LogTime.since(text, now: moment, localOffset: east)
        }
        #expect(failure?.code == .usage)
    }
}
