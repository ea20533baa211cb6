import Fleet
import Testing

@testable import Gate

@Suite("How often one may ask")
struct RateTableTests {
    private static let limit = RateLimit(perSecond: 2, burst: 3)

    private static func owner(_ number: Int) -> Digest128 {
        Digest128(high: UInt64(number), low: UInt64(number) &* 0x9e37_79b9_7f4a_7c15)
    }

    @Test("a burst is let through, then as many as the rate gives, each owner for itself")
    func bucket() {
        let table = RateTable()
        let (ada, bob) = (Self.owner(1), Self.owner(2))
        for _ in 0..<3 { #expect(table.take(ada, Self.limit, now: 100) == nil) }
        #expect(table.take(ada, Self.limit, now: 100) == 1)
        #expect(table.take(bob, Self.limit, now: 100) == nil)
        #expect(table.take(ada, Self.limit, now: 100.4) == 1)
        #expect(table.take(ada, Self.limit, now: 100.5) == nil)
        #expect(table.take(ada, Self.limit, now: 100.5) == 1)
        for _ in 0..<3 { #expect(table.take(ada, Self.limit, now: 1000) == nil) }
        #expect(table.take(ada, Self.limit, now: 1000) == 1)
    }

    @Test("who must wait is told how long, in whole seconds")
    func wait() {
        let table = RateTable()
        let slow = RateLimit(perSecond: 1.0 / 60, burst: 1)
        #expect(table.take(Self.owner(1), slow, now: 0) == nil)
        #expect(table.take(Self.owner(1), slow, now: 0) == 60)
        #expect(table.take(Self.owner(1), slow, now: 30.5) == 30)
        #expect(table.take(Self.owner(1), slow, now: 60.5) == nil)
    }

    @Test("a clock that goes back gives nothing and takes nothing")
    func clock() {
        let table = RateTable()
        for _ in 0..<3 { #expect(table.take(Self.owner(1), Self.limit, now: 100) == nil) }
        #expect(table.take(Self.owner(1), Self.limit, now: 50) == 1)
        #expect(table.take(Self.owner(1), Self.limit, now: 50.5) == nil)
    }

    @Test("a flood of owners does not give those a new burst who have used up theirs")
    func bounded() {
        let table = RateTable(count: 64)
        for number in 0..<4 { for _ in 0..<3 { #expect(table.take(Self.owner(number), Self.limit, now: 1) == nil) } }
        for number in 100..<10_000 { #expect(table.take(Self.owner(number), Self.limit, now: 1) == nil) }
        for number in 0..<4 { #expect(table.take(Self.owner(number), Self.limit, now: 1) == 1) }
    }

    @Test("over any stretch of time no more get through than burst and rate allow")
    func law() {
        var random = SeededGenerator(state: 3)
        for _ in 0..<50 {
            let table = RateTable(count: 8)
            let limit = RateLimit(
                perSecond: Double.random(in: 0.1...50, using: &random), burst: Int.random(in: 1...20, using: &random))
            var now = 1000.0
            var through = 0
            for _ in 0..<500 {
                now += Double.random(in: 0...0.2, using: &random)
                if table.take(Self.owner(1), limit, now: now) == nil { through += 1 }
                #expect(Double(through) <= Double(limit.burst) + (now - 1000) * limit.perSecond + 1e-6)
            }
        }
    }
}
