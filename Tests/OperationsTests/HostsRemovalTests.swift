import Fleet
import Planning
import Ports
import Testing

@testable import Operations

@Suite("A host that comes to a fleet, and one that goes", .serialized)
struct HostsRemovalTests {
    private func up(_ lab: HostsLab, _ hosts: Int = 3) async throws {
        let fleet = lab.newOperator("1.0.0") { $0.hosts = Array($0.hosts.prefix(hosts)) }
        _ = try await lab.run { try await fleet.up() }
    }

    @Test("a host that is added gets its instances beside those that serve, which nobody touches")
    func added() async throws {
        let lab = HostsLab()
        try await up(lab, 2)
        let starts = lab.worlds[0].machine.starts
        let fleet = lab.newOperator("1.0.0")
        #expect(try await lab.run { try await fleet.plan() }.changes.contains { $0.subject == "host web-3" })
        _ = try await lab.run { try await fleet.up() }
        #expect(try await lab.serving() == [1, 1, 1])
        #expect(lab.worlds[0].machine.starts == starts)
        #expect(lab.worlds[0].database.users.count == 6)
        #expect(try await lab.run { try await fleet.status() }.converged)
        #expect(try await lab.run { try await lab.newOperator("1.0.0").up() } == .unchanged(corrected: []))
    }

    @Test(
        "a host is removed: drained, emptied, without users; the fleet without it is whole", arguments: [false, true])
    func removed(isGone: Bool) async throws {
        let lab = HostsLab()
        try await up(lab)
        let starts = lab.worlds[0].machine.starts
        if isGone { lab.lose(2) }
        let fleet = lab.newOperator("1.0.0")
        let removal = try await lab.run { try await fleet.remove("web-3", gone: isGone, deadline: 1) }
        #expect(removal.users.count == 2 && (removal.drained == nil) == isGone)
        #expect(lab.worlds[0].database.users.allSatisfy { !$0.contains("web-3") })
        #expect(lab.worlds[0].database.users.count == 4)
        #expect(lab.worlds[0].machine.starts == starts)
        let record = try await lab.worlds[0].ledger()
        #expect(record.current?.hosts == ["web-1", "web-2"] && record.scaling == nil && record.left == nil)
        let after = lab.newOperator("1.0.0") { $0.hosts.removeLast() }
        #expect(try await lab.run { try await after.plan() }.changes.isEmpty)
        #expect(try await lab.run { try await after.up() } == .unchanged(corrected: []))
        #expect(try await lab.run { try await after.status() }.converged)
        if !isGone {
            #expect(lab.worlds[2].machine.ids.isEmpty)
            // Empty, it can be one of it again.
            let again = lab.newOperator("1.0.0")
            _ = try await lab.run { try await again.up() }
            #expect(try await lab.serving() == [1, 1, 1])
        }
        let next = lab.newOperator("2.0.0") { if isGone { $0.hosts.removeLast() } }
        _ = try await lab.run { try await next.rollout() }
        #expect(try await lab.run { try await next.status() }.converged)
    }

    @Test("one that was left behind is removed for good, and its way back is closed")
    func left() async throws {
        let lab = HostsLab()
        try await up(lab)
        lab.lose(2)
        let rolling = lab.newOperator("2.0.0", skips: ["web-3"])
        _ = try await lab.run { try await rolling.rollout() }
        let fleet = lab.newOperator("2.0.0")
        _ = try await lab.run { try await fleet.remove("web-3", gone: true, deadline: 1) }
        let after = lab.newOperator("2.0.0") { $0.hosts.removeLast() }
        #expect(try await lab.run { try await after.up() } == .unchanged(corrected: []))
        #expect(try await lab.worlds[0].ledger().left == nil)
        let back = lab.newOperator("1.0.0") { $0.hosts.removeLast() }
        _ = try await lab.run { try await back.rollback() }
        #expect(try await lab.worlds[0].ledger().current?.hosts == ["web-1", "web-2"])
    }

    @Test("taken out of fleet.yaml and not removed: said so, and nothing is changed")
    func forgotten() async throws {
        let lab = HostsLab()
        try await up(lab)
        let fleet = lab.newOperator("1.0.0") { $0.hosts.removeLast() }
        let plan = try await lab.run { try await fleet.plan() }
        #expect(plan.changes.contains { $0.subject == "host web-3" && $0.detail.contains("convoy remove web-3") })
        let refusal = await #expect(throws: Failure.self) { try await lab.run { try await fleet.up() } }
        #expect(refusal?.next.contains("convoy remove web-3") == true)
        #expect(try await lab.serving() == [1, 1, 1])
    }

    @Test("one that answers is not gone")
    func refused() async throws {
        let lab = HostsLab()
        try await up(lab)
        let fleet = lab.newOperator("1.0.0")
        await #expect(throws: Failure.self) {
            try await lab.run { try await fleet.remove("web-3", gone: true, deadline: 1) }
        }
        #expect(try await lab.serving() == [1, 1, 1])
    }

    @Test("the last but one goes once fleet.yaml says who drives the last; without that it is told what to write")
    func lastButOne() async throws {
        let lab = HostsLab()
        try await up(lab, 2)
        let starts = lab.worlds[0].machine.starts
        let plain = lab.newOperator("1.0.0") { $0.hosts.removeLast() }
        let refusal = await #expect(throws: Failure.self) {
            try await lab.run { try await plain.remove("web-2", gone: false, deadline: 1) }
        }
        #expect(refusal?.next.contains("`operator: remote`") == true)
        let seated = lab.newOperator("1.0.0") {
            $0.hosts.removeLast()
            $0.operatorSeat = .remote
        }
        // Said beforehand, it changes nothing.
        #expect(try await lab.run { try await seated.up() } == .unchanged(corrected: []))
        _ = try await lab.run { try await seated.remove("web-2", gone: false, deadline: 1) }
        let one = alone(lab, "1.0.0")
        #expect(try await lab.run { try await one.plan() }.changes.isEmpty)
        #expect(try await lab.run { try await one.up() } == .unchanged(corrected: []))
        #expect(lab.worlds[0].machine.starts == starts)
        let record = try await lab.worlds[0].ledger()
        #expect(record.current?.instances.map(\.name) == ["analytics-web-1-1-g1", "analytics-web-1-2-g1"])
        #expect(lab.worlds[0].database.users.count == 2)
        let last = alone(lab, "1.0.0")
        let only = await #expect(throws: Failure.self) {
            try await lab.run { try await last.remove("web-1", gone: false, deadline: 1) }
        }
        #expect(only?.why.contains("only host") == true)
    }

    @Test("a fleet of one host that is driven from here is rolled, taken back, and gets a second host again")
    func aloneAndNotAlone() async throws {
        let lab = HostsLab()
        let first = alone(lab, "1.0.0")
        _ = try await lab.run { try await first.up() }
        let next = alone(lab, "2.0.0")
        _ = try await lab.run { try await next.rollout() }
        #expect(try await lab.serving().first == 2)
        #expect(try await lab.run { try await alone(lab, "2.0.0").status() }.converged)
        await lab.pass(30)
        #expect(try await lab.serving().first == 2)
        let back = alone(lab, "1.0.0")
        _ = try await lab.run { try await back.rollback() }
        #expect(try await lab.serving().first == 3)
        let starts = lab.worlds[0].machine.starts
        let two = lab.newOperator("1.0.0") { $0.hosts.removeLast() }
        _ = try await lab.run { try await two.up() }
        #expect(try await lab.serving() == [3, 3, nil])
        #expect(lab.worlds[0].machine.starts == starts)
    }

    @Test("a fleet.yaml by which the last host would drive itself, or that has no hosts, changes nothing")
    func selfDriven() async throws {
        let lab = HostsLab()
        try await up(lab, 2)
        for count in [0, 1] {
            let fleet = lab.newOperator("1.0.0") { $0.hosts = Array($0.hosts.prefix(count)) }
            let refusal = await #expect(throws: Failure.self) { try await lab.run { try await fleet.up() } }
            #expect(refusal?.why.contains("web-1, web-2, driven from here") == true)
            await #expect(throws: Failure.self) { try await lab.run { try await fleet.down() } }
        }
        #expect(try await lab.serving() == [1, 1, nil])
    }

    @Test(
        "a host that is there again without its disk counts as gone; added anew, it has new users of the same generation"
    )
    func wiped() async throws {
        let lab = HostsLab()
        try await up(lab)
        let user = try #require(lab.worlds[0].database.users.first { $0.contains("web-3") })
        let (before, starts) = (lab.worlds[0].database[user], lab.worlds[0].machine.starts)
        lab.lose(2)
        let world = lab.worlds[2]
        for id in world.machine.ids { world.machine.kill(id) }
        for place in [world.layout.state, world.layout.runtime] {
            for path in world.disk.below(place) { world.disk.remove(path) }
        }
        lab.find(2)
        let plain = lab.newOperator("1.0.0")
        let refusal = await #expect(throws: Failure.self) { try await lab.run { try await plain.up() } }
        #expect(refusal?.next.contains("convoy replace web-3") == true)
        let fleet = lab.newOperator("1.0.0")
        let removal = try await lab.run { try await fleet.remove("web-3", gone: true, deadline: 1) }
        #expect(removal.users.contains(user) && lab.worlds[0].database.users.count == 4)
        let again = lab.newOperator("1.0.0")
        _ = try await lab.run { try await again.up() }
        #expect(try await lab.serving() == [1, 1, 1])
        #expect(lab.worlds[0].machine.starts == starts)
        #expect(lab.worlds[0].database[user]?.password != before?.password)
    }

    private func alone(_ lab: HostsLab, _ version: String) -> FleetOperator {
        lab.newOperator(version) {
            $0.hosts = Array($0.hosts.prefix(1))
            $0.operatorSeat = .remote
        }
    }
}
