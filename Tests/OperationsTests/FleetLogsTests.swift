import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// A host's logs from a list of pages, and then nothing new; or no answer at all.
private final class ScriptedSource: LogSource {
    private let pages: Mutex<[LogPage]>
    private let isAway: Bool
    let questions = Mutex<[LogQuestion]>([])
    let open = Mutex((now: 0, most: 0))

    init(_ pages: [LogPage], isAway: Bool = false) {
        self.pages = Mutex(pages)
        self.isAway = isAway
    }

    func begin(_ question: LogQuestion) async throws -> LogPage {
        questions.withLock { $0.append(question) }
        return try await next()
    }

    func next() async throws -> LogPage {
        open.withLock {
            $0.now += 1
            $0.most = max($0.most, $0.now)
        }
        defer { open.withLock { $0.now -= 1 } }
        if isAway { throw Failure(.unavailable, "cannot reach it", because: "the way is cut", next: "") }
        await Task.yield()
        return pages.withLock { $0.isEmpty ? LogPage(isWhole: true) : $0.removeFirst() }
    }

    func close() async {}
}

@Suite("Logs over several hosts", .timeLimit(.minutes(2)))
struct FleetLogsTests {
    private func entries(_ times: ClosedRange<Int>, by step: Int = 1) -> [LogEntry] {
        stride(from: times.lowerBound, through: times.upperBound, by: step).map {
            LogEntry(time: Double($0), source: "gate", message: "\($0)")
        }
    }

    private func pages(_ entries: [LogEntry], of size: Int) -> [LogPage] {
        stride(from: 0, to: entries.count, by: size).map { start in
            let end = min(start + size, entries.count)
            return LogPage(Array(entries[start..<end]), isWhole: end == entries.count, known: ["gate"])
        }
    }

    private func told(
        _ sources: [(host: String, source: any LogSource)], last: Int? = nil
    ) async throws -> (entries: [LogEntry], words: [String], outcome: FleetLogs.Outcome) {
        let (heard, words) = (Heard<LogEntry>(), Heard<String>())
        let question = LogQuestion(host: "", names: [], since: nil, last: last, follows: false)
        let logs = FleetLogs(sources, question: question, time: FakeTimepiece(time: FakeTime(), fuse: Fuse()))
        let outcome = try await logs.run(
            FleetLogs.Voice(
                show: {
                    heard.add($0)
                    return true
                }, say: { words.add([$0]) }))
        return (heard.all, words.all, outcome)
    }

    @Test("all hosts' lines come in one order by time, each with its host, one question at a time of each")
    func merges() async throws {
        let one = ScriptedSource(pages(entries(0...999, by: 2), of: 7))
        let two = ScriptedSource(pages(entries(1...999, by: 2), of: 256))
        let (entries, words, outcome) = try await told([("a", one), ("b", two)])
        #expect(entries.map(\.message) == (0...999).map { "\($0)" })
        #expect(entries.allSatisfy { $0.host == (Int($0.time) % 2 == 0 ? "a" : "b") })
        #expect(words.isEmpty && outcome == FleetLogs.Outcome(missing: [], known: ["gate"]))
        #expect(one.questions.withLock { $0.map(\.host) } == ["a"])
        #expect(one.open.withLock { $0.most } == 1 && two.open.withLock { $0.most } == 1)
    }

    @Test("a host that does not answer is told once, with since when and why, and the others go on")
    func away() async throws {
        let sources: [(host: String, source: any LogSource)] = [
            ("a", ScriptedSource(pages(entries(1...5), of: 2))), ("b", ScriptedSource([], isAway: true)),
        ]
        let (entries, words, outcome) = try await told(sources, last: 3)
        #expect(entries.map(\.time) == [3, 4, 5])
        #expect(outcome.missing == ["b"] && words.count == 1)
        #expect(words.first?.hasPrefix("b has not answered since 2023-11-14T") == true)
        #expect(words.first?.hasSuffix("cannot reach it: the way is cut") == true)
    }

    @Test("an end of whoever reads ends it, also while following")
    func closed() async throws {
        let question = LogQuestion(host: "", names: [], since: nil, last: 5, follows: true)
        let source = ScriptedSource(pages(entries(1...5), of: 2))
        let logs = FleetLogs(
            [("a", source)], question: question, time: FakeTimepiece(time: FakeTime(), fuse: Fuse()))
        _ = try await logs.run(FleetLogs.Voice(show: { _ in false }, say: { _ in }))
    }
}

private final class Heard<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    var all: [Value] { values.withLock { $0 } }
    func add(_ more: [Value]) { values.withLock { $0 += more } }
}
