import Testing

@testable import Planning

@Suite("Logs of several hosts as one stream")
struct LogMergeTests {
    private func entry(_ time: Double, _ host: String, _ message: String = "") -> LogEntry {
        LogEntry(time: time, host: host, source: "gate", message: message)
    }

    private func shown(_ actions: [LogMerge.Action]) -> [LogEntry] {
        actions.flatMap { action -> [LogEntry] in if case .show(let entries) = action { entries } else { [] } }
    }

    @Test("nothing is shown before every host has told its next line, and a host that is lost holds up nobody")
    func barrier() {
        var merge = LogMerge(hosts: ["a", "b", "c"], last: nil, follows: false, at: 100)
        #expect(shown(merge.handle(.page("a", LogPage([entry(1, "a"), entry(5, "a")], isWhole: true)), at: 101)) == [])
        #expect(merge.handle(.page("b", LogPage([entry(2, "b")])), at: 101) == [])
        let lost = merge.handle(.lost("c", why: "cut"), at: 109)
        #expect(lost.first == .miss("c", since: 100, why: "cut"))
        #expect(shown(lost).map(\.time) == [1, 2])
        #expect(lost.last == .ask("b"))
        let end = merge.handle(.page("b", LogPage([entry(6, "b")], isWhole: true)), at: 110)
        #expect(shown(end).map(\.time) == [5, 6] && end.last == .finish)
        #expect(merge.missing == ["c"])
        #expect(merge.handle(.tick, at: 111) == [])
    }

    @Test("a host that is lost while following is told once, asked from its last line on, and repeats nothing")
    func back() {
        var merge = LogMerge(hosts: ["a"], last: 10, follows: true, at: 0)
        let first = merge.handle(
            .page("a", LogPage([entry(1, "a"), entry(2, "a", "x"), entry(2, "a", "y")], isWhole: true)), at: 1)
        #expect(shown(first).count == 3 && first.last == .ask("a"))
        let lost = merge.handle(.lost("a", why: "cut"), at: 9)
        #expect(lost == [.miss("a", since: 1, why: "cut"), .askAgain("a", since: 1)])
        #expect(merge.handle(.lost("a", why: "cut"), at: 12) == [.askAgain("a", since: 1)])
        let again = LogPage([entry(1, "a"), entry(2, "a", "x"), entry(2, "a", "y"), entry(2, "a", "z"), entry(3, "a")])
        #expect(merge.handle(.page("a", again), at: 20) == [.greet("a"), .ask("a")])
        #expect(merge.handle(.tick, at: 20.1) == [])
        #expect(shown(merge.handle(.tick, at: 20.6)).map(\.message) == ["z", ""])
        #expect(merge.missing.isEmpty)
    }

    @Test("of a host that told a line late nothing is repeated, and nothing is missed, when it is back")
    func late() {
        var merge = LogMerge(hosts: ["a"], last: nil, follows: true, at: 0)
        _ = merge.handle(.page("a", LogPage([entry(1, "a")], isWhole: true)), at: 1)
        _ = merge.handle(.page("a", LogPage([entry(10, "a", "journal"), entry(10.5, "a", "journal")])), at: 11)
        _ = merge.handle(.page("a", LogPage([entry(9.8, "a", "edge")])), at: 11.2)
        #expect(shown(merge.handle(.tick, at: 12)).count == 3)
        #expect(merge.handle(.lost("a", why: "cut"), at: 20).last == .askAgain("a", since: 8.5))
        let again = [
            entry(9.8, "a", "edge"), entry(10, "a", "journal"), entry(10.2, "a", "edge"), entry(10.5, "a", "journal"),
        ]
        _ = merge.handle(.page("a", LogPage(again)), at: 30)
        #expect(shown(merge.handle(.tick, at: 31)) == [entry(10.2, "a", "edge")])
    }

    @Test("a host whose clock was set back is asked from there on")
    func clockSetBack() {
        var merge = LogMerge(hosts: ["a"], last: nil, follows: true, at: 0)
        _ = merge.handle(.page("a", LogPage([entry(5000, "a")], isWhole: true)), at: 1)
        _ = merge.handle(.page("a", LogPage([entry(1400, "a")])), at: 2)
        #expect(merge.handle(.lost("a", why: "cut"), at: 9).last == .askAgain("a", since: 1400))
    }

    @Test("what comes within the time that it is held is put in order")
    func holds() {
        var merge = LogMerge(hosts: ["a", "b"], last: nil, follows: true, at: 0)
        _ = merge.handle(.page("a", LogPage(isWhole: true)), at: 0)
        _ = merge.handle(.page("b", LogPage(isWhole: true)), at: 0)
        _ = merge.handle(.page("a", LogPage([entry(10, "a"), entry(12, "a")])), at: 1)
        _ = merge.handle(.page("b", LogPage([entry(11, "b"), entry(20, "b")])), at: 1.3)
        #expect(shown(merge.handle(.tick, at: 1.5)).map(\.time) == [10, 11, 12])
        #expect(shown(merge.handle(.tick, at: 1.9)).map(\.time) == [20])
    }

    @Test(
        "law: whatever the pages and whoever is lost, all that was told is shown once and in order", arguments: 0..<400)
    func law(seed: Int) {
        var random = SeededDice(state: UInt64(seed))
        let hosts = (0..<Int.random(in: 1...5, using: &random)).map { "h\($0)" }
        let last = Bool.random(using: &random) ? Int.random(in: 0...30, using: &random) : nil
        var rest = Dictionary(
            uniqueKeysWithValues: hosts.map { host in
                var time = 0.0
                let entries = (0..<Int.random(in: 0...40, using: &random)).map { number in
                    time += Double(Int.random(in: 0...3, using: &random))
                    return entry(time, host, "\(number)")
                }
                return (host, entries)
            })
        var merge = LogMerge(hosts: hosts, last: last, follows: false, at: 0)
        var told: [String: [LogEntry]] = [:]
        var asked = Set(hosts)
        var (all, isOver, isEverLost): ([LogEntry], Bool, Bool) = ([], false, false)
        while let host = asked.randomElement(using: &random), !isOver {
            asked.remove(host)
            let event: LogMerge.Event
            if Int.random(in: 0..<60, using: &random) == 0 {
                event = .lost(host, why: "")
                isEverLost = true
            } else {
                let page = Array((rest[host] ?? []).prefix(Int.random(in: 0...9, using: &random)))
                rest[host]?.removeFirst(page.count)
                told[host, default: []] += page
                event = .page(host, LogPage(page, isWhole: rest[host]?.isEmpty == true))
            }
            for action in merge.handle(event, at: 1) {
                switch action {
                case .show(let entries): all += entries
                case .ask(let next): #expect(asked.insert(next).inserted, "asked twice at a time")
                case .finish: isOver = true
                case .askAgain, .miss, .greet: break
                }
            }
        }
        #expect(isOver)
        let expected = LogEntry.merged(hosts.map { told[$0] ?? [] }, last: last)
        #expect(all == expected || isEverLost)
        let times = all.map(\.time)
        #expect(times == times.sorted())
        let count = told.values.reduce(0) { $0 + $1.count }
        #expect(all.count == min(last ?? count, count))
    }
}
