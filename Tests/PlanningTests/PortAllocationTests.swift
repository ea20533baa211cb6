import Fleet
import Testing

@testable import Planning

@Suite("PortAllocation")
struct PortAllocationTests {
    private func slots(_ count: Int, pool: String = "analytics") -> [PortAllocation.Slot] {
        (1...count).map { .init(pool: pool, number: $0) }
    }

    private func all(_ allocation: PortAllocation) -> [Int] {
        allocation.ports.values.flatMap { [$0.a, $0.b, $0.monitoringA, $0.monitoringB].compactMap(\.self) }
    }

    @Test("each slot gets two ports of its own, four with monitoring", arguments: [(false, 8), (true, 16)])
    func disjoint(monitoring: Bool, count: Int) throws {
        let allocation = try PortAllocation(
            slots: slots(4), before: [], range: PortsSpec(first: 42000, last: 42015), monitoring: monitoring)
        #expect(Set(all(allocation)).count == count)
        #expect(all(allocation).count == count)
        #expect(all(allocation).allSatisfy { (42000...42015).contains($0) })
    }

    @Test("a range that is too small is a bad spec, not a shared port")
    func exhausted() {
        #expect(throws: Failure.self) {
            try PortAllocation(
                slots: slots(4), before: [], range: PortsSpec(first: 42000, last: 42006), monitoring: false)
        }
    }

    @Test("slots keep their ports over any number of generations, and colours alternate")
    func sticky() throws {
        var current = try PlanSamples.generation()
        let first = Dictionary(uniqueKeysWithValues: current.instances.map { ($0.slot, $0) })
        for number in 2...8 {
            let next = try PlanSamples.generation(number, over: current)
            #expect(next.colour == current.colour.other)
            for (old, new) in zip(current.instances, next.instances) {
                #expect(new.port == old.siblingPort && new.siblingPort == old.port)
            }
            current = next
        }
        for instance in current.instances { #expect(instance.siblingPort == first[instance.slot]?.port) }
    }

    @Test("a new pool, put first, moves nobody")
    func newPool() throws {
        let before = try PlanSamples.generation()
        let allocation = try PortAllocation(
            slots: slots(2, pool: "aaa") + slots(3), before: [before], range: PortsSpec(), monitoring: false)
        for instance in before.instances {
            let ports = try #require(allocation.ports[.init(pool: "analytics", number: instance.slot)])
            #expect(ports.port(before.colour) == instance.port)
        }
        #expect(Set(all(allocation)).count == 10)
    }

    @Test("slots that need monitoring ports now get all new ones, and none of those in use")
    func monitoringAppears() throws {
        let before = try PlanSamples.generation()
        let used = Set(before.instances.flatMap { [$0.port, $0.siblingPort] })
        let allocation = try PortAllocation(slots: slots(3), before: [before], range: PortsSpec(), monitoring: true)
        #expect(Set(all(allocation)).count == 12)
        #expect(used.isDisjoint(with: all(allocation)))
    }
}
