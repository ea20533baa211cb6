import Fleet
import Planning
import Ports
import Testing

@testable import Operations

@Suite("A fleet that goes on without a host", .serialized)
struct HostsBehindTests {
    private func up(_ lab: HostsLab) async throws {
        let fleet = lab.newOperator("1.0.0")
        _ = try await lab.run { try await fleet.up() }
        #expect(try await lab.serving() == [1, 1, 1])
    }

    private func doors(_ lab: HostsLab) async throws -> [HostDoor?] {
        var all: [HostDoor?] = []
        for world in lab.worlds {
            guard let supervisor = world.supervisor else {
                all.append(nil)
                continue
            }
            all.append(try await lab.run { try await supervisor.status(newerThan: nil, timeout: 0) }.life?.door)
        }
        return all
    }

    @Test("a host that is away is left behind; back, it is shut by the first who looks, and `up` brings it back")
    func skips() async throws {
        let lab = HostsLab()
        try await up(lab)
        lab.lose(2)
        let plain = lab.newOperator("2.0.0")
        await #expect(throws: Failure.self) { try await lab.run { try await plain.rollout() } }
        let fleet = lab.newOperator("2.0.0", skips: ["web-3"])
        guard case .converged(2, _, _, _) = try await lab.run({ try await fleet.rollout() }) else {
            return #expect(Bool(false), "it did not roll")
        }
        let record = try await lab.worlds[0].ledger()
        #expect(record.left?.map(\.name) == ["web-3"] && record.left?.first?.since == 1)
        #expect(record.left?.first?.by == 2)
        // Its users are nobody's any more.
        #expect(lab.worlds[0].database.users.count == 4)
        let status = try await lab.run { try await lab.newOperator("2.0.0").status() }
        #expect(!status.converged && status.generation == 2)
        #expect(status.hosts.map(\.door) == [.open, .open, .behind])
        #expect(status.hosts[2].answers == false && status.hosts[2].silentSeconds != nil)
        let plan = try await lab.run { try await lab.newOperator("2.0.0").plan() }
        #expect(plan.changes.contains { $0.subject == "host web-3" && $0.detail.contains("since generation 1") })
        let away = lab.newOperator("2.0.0")
        let refusal = await #expect(throws: Failure.self) { try await lab.run { try await away.up() } }
        #expect(refusal?.code == .unavailable)

        lab.find(2)
        let looking = lab.newOperator("2.0.0")
        let seen = try await lab.run { try await looking.status() }
        #expect(seen.hosts[2].answers && seen.hosts[2].door == .behind && !seen.converged)
        #expect(try await lab.serving() == [2, 2, nil])
        // It forgets nothing by a restart.
        lab.worlds[2].killSupervisor()
        #expect(try await lab.serving() == [2, 2, nil])
        let mending = lab.newOperator("2.0.0")
        _ = try await lab.run { try await mending.up() }
        #expect(try await lab.serving() == [2, 2, 2])
        let after = try await lab.worlds[0].ledger()
        #expect(after.left == nil && after.scaling == nil && after.current?.instances.count == 6)
        #expect(lab.worlds[0].database.users.count == 6)
        let whole = try await lab.run { try await lab.newOperator("2.0.0").status() }
        #expect(whole.converged && whole.hosts.map(\.generation) == [2, 2, 2])
        #expect(try await lab.run { try await lab.newOperator("2.0.0").up() } == .unchanged(corrected: []))
    }

    @Test("behind by two rollouts, it comes back to what the fleet serves, also by the next rollout")
    func twice() async throws {
        let lab = HostsLab()
        try await up(lab)
        lab.lose(1)
        for version in ["2.0.0", "3.0.0"] {
            let fleet = lab.newOperator(version, skips: ["web-2"])
            _ = try await lab.run { try await fleet.rollout() }
        }
        #expect(try await lab.worlds[0].ledger().left?.map(\.by) == [2])
        lab.find(1)
        let next = lab.newOperator("4.0.0")
        _ = try await lab.run { try await next.rollout() }
        #expect(try await lab.serving() == [4, 4, 4])
        #expect(try await lab.worlds[0].ledger().left == nil)
        #expect(try await doors(lab) == [.open, .open, .open])
    }

    @Test("a rollout without it that is taken back leaves it one of the fleet, told or not")
    func undone() async throws {
        for isTold in [false, true] {
            let lab = HostsLab()
            try await up(lab)
            lab.lose(2, power: false)
            lab.worlds[0].prober.answer { $0.expectedVersion == "2.0.0" ? .wrong("nonsense") : .well }
            let fleet = lab.newOperator("2.0.0", skips: ["web-3"])
            if isTold {
                let supervisor = try #require(lab.worlds[2].supervisor)
                try await lab.run { try await supervisor.leave(rollout: 2) }
            }
            await #expect(throws: Failure.self) { try await lab.run { try await fleet.rollout() } }
            #expect(try await lab.worlds[0].ledger().left == nil)
            lab.worlds[0].prober.answer { _ in .well }
            lab.find(2)
            let mending = lab.newOperator("1.0.0")
            _ = try await lab.run { try await mending.up() }
            #expect(try await lab.serving() == [1, 1, 1], "told: \(isTold)")
            #expect(try await doors(lab) == [.open, .open, .open])
        }
    }

    @Test("who answers is not skipped, nor the last one, nor a stranger")
    func refused() async throws {
        let lab = HostsLab()
        try await up(lab)
        for skips in [["web-3"], ["web-9"], ["web-1", "web-2", "web-3"]] {
            let fleet = lab.newOperator("2.0.0", skips: Set(skips))
            await #expect(throws: Failure.self) { try await lab.run { try await fleet.rollout() } }
        }
        #expect(try await lab.serving() == [1, 1, 1])
        #expect(try await lab.worlds[0].ledger().left == nil)
    }

    @Test("one of several is cordoned and drained; the last that takes sessions is not, but by force")
    func cordons() async throws {
        let lab = HostsLab()
        try await up(lab)
        let fleet = lab.newOperator("1.0.0")
        _ = try await lab.run { try await fleet.drain("web-1", deadline: 1, force: false) }
        _ = try await lab.run { try await fleet.cordon("web-2", force: false) }
        await #expect(throws: Failure.self) { try await lab.run { try await fleet.cordon("web-3", force: false) } }
        #expect(try await lab.serving() == [nil, nil, 1])
        let status = try await lab.run { try await fleet.status() }
        #expect(status.converged && status.hosts.map(\.door) == [.drained, .cordoned, .open])
        #expect(!status.trafficShare.isEmpty)
        // A rollout goes over all of them, and opens none.
        let next = lab.newOperator("2.0.0")
        _ = try await lab.run { try await next.rollout() }
        #expect(try await lab.serving() == [nil, nil, 2])
        #expect(try await lab.run { try await next.status() }.hosts.map(\.generation) == [2, 2, 2])
        for name in ["web-1", "web-2"] { _ = try await lab.run { try await next.uncordon(name) } }
        #expect(try await lab.serving() == [2, 2, 2])
    }

    /// The law: a host that was told that it is behind serves nobody, and no two hosts serve two generations once
    /// all that answer were told; in the end all are whole.
    @Test("whatever comes of rollouts, losses, restarts and looks, no host serves what the fleet has left")
    func law() async throws {
        var dice = SystemSeed(seed: 6)
        for _ in 0..<6 {
            let lab = HostsLab()
            try await up(lab)
            var away: Int?
            var version = 1
            for _ in 0..<8 {
                switch Int.random(in: 0..<5, using: &dice) {
                case 0 where away == nil:
                    let host = Int.random(in: 0..<3, using: &dice)
                    away = host
                    lab.lose(host, power: Bool.random(using: &dice))
                case 1:
                    if let host = away { lab.find(host) }
                    away = nil
                case 2:
                    version += 1
                    let fleet = lab.newOperator("\(version).0.0", skips: away.map { [lab.names[$0]] } ?? [])
                    _ = try? await lab.run { try await fleet.rollout() }
                case 3: lab.worlds[Int.random(in: 0..<3, using: &dice)].killSupervisor()
                default:
                    let fleet = lab.newOperator("\(version).0.0")
                    _ = try? await lab.run { try await fleet.up() }
                }
                let current = try await lab.worlds[0].ledger().current?.number
                for world in lab.worlds where world.supervisor == nil { world.startSupervisor() }
                if away == nil {
                    let looking = lab.newOperator("\(version).0.0")
                    _ = try await lab.run { try await looking.status() }
                    for one in try await lab.serving() { #expect(one == nil || one == current) }
                }
            }
            lab.heal()
            for world in lab.worlds where world.supervisor == nil { world.startSupervisor() }
            let last = lab.newOperator("\(version).0.0")
            _ = try await lab.run { try await last.up() }
            let serving = try await lab.serving()
            #expect(Set(serving).count == 1 && serving[0] != nil, "\(serving)")
        }
    }
}
