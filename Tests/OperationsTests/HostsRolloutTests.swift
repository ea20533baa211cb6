import Fleet
import Planning
import Ports
import Testing

@testable import Operations

@Suite("A rollout over several hosts", .serialized)
struct HostsRolloutTests {
    @Test("it flips all hosts, and leaves one generation of one version on each")
    func converges() async throws {
        let lab = HostsLab()
        let up = lab.newOperator("1.0.0")
        _ = try await lab.run { try await up.up() }
        #expect(try await lab.serving() == [1, 1, 1])
        let next = lab.newOperator("2.0.0")
        let result = try await lab.run { try await next.rollout() }
        guard case .converged(2, _, _, _) = result else { return #expect(Bool(false), "\(result)") }
        #expect(try await lab.serving() == [2, 2, 2])
        let status = try await lab.run { try await next.status() }
        #expect(status.converged && status.instances.count == 6)
        #expect(Set(status.instances.map(\.host)) == Set(lab.names))
        #expect(status.hosts.map(\.generation) == [2, 2, 2])
        #expect(lab.worlds[0].database.users.count == 6)
        #expect(lab.worlds[0].database.users.contains("convoy-shop.analytics-web-2-1-g2"))
        for world in lab.worlds {
            let names = try FakeFiles(disk: world.disk).list(world.layout.instances)
            #expect(names.count == 2 && names.allSatisfy { $0.hasSuffix("-g2") }, "\(names)")
        }
        // For good: nobody's silence changes anything any more.
        await lab.pass(120)
        #expect(try await lab.serving() == [2, 2, 2])
        // Back again, as on one host.
        let back = lab.newOperator("1.0.0")
        _ = try await lab.run { try await back.rollback() }
        #expect(try await lab.serving() == [3, 3, 3])
    }

    @Test("an operator who dies while the next generation is on trial leaves all hosts on the one before")
    func abandoned() async throws {
        let lab = HostsLab()
        let up = lab.newOperator("1.0.0")
        _ = try await lab.run { try await up.up() }
        let fuse = Fuse()
        // A long soak.
        let dying = lab.newOperator("2.0.0", bake: 600, fuse: fuse)
        Task { try await dying.rollout() }
        try await lab.worlds[2].until("on trial") { $0.trial?.generation == 2 }
        try await lab.worlds[0].until("on trial") { $0.trial?.generation == 2 }
        #expect(try await lab.serving() == [2, 2, 2])
        // Held for long, it stays.
        await lab.pass(60)
        #expect(try await lab.serving() == [2, 2, 2])
        fuse.blow()
        await lab.pass(10)
        #expect(try await lab.serving() == [1, 1, 1])
        let other = lab.newOperator("2.0.0")
        guard case .went(.converged(2, _, _, _)) = try await lab.run({ try await other.resume() }) else {
            return #expect(Bool(false), "not resumed")
        }
        #expect(try await lab.serving() == [2, 2, 2])
    }

    /// The law: when it is over and the certain time has passed, all hosts that serve anybody serve one generation.
    @Test("cut at any call, with the word arrived or not, with power or not: all or nothing", arguments: 0..<4)
    func law(kind: Int) async throws {
        var spread = SystemSeed(seed: UInt64(kind) &* 7919 &+ 17)
        let count = try await callsOfRollout()
        #expect(count > 30)
        var ends: [String: Int] = [:]
        var at = 1 + Int.random(in: 0..<4, using: &spread)
        while at <= count {
            let cut = HostsLab.Cut(
                host: Int.random(in: 0..<3, using: &spread), at: at, arrives: kind % 2 == 1, isPower: kind >= 2)
            ends[try await voyage(cut), default: 0] += 1
            at += Int.random(in: 9..<20, using: &spread)
        }
        // It was cut on both sides of the decision.
        #expect(ends["all old"] != nil, "\(ends)")
        #expect(ends["all new"] != nil || ends["new, the cut one shut"] != nil, "\(ends)")
    }

    @Test("cut at each call that arrives: an operator who says that it is undone has waited until it is")
    func certainty() async throws {
        for at in 1...(try await callsOfRollout()) {
            _ = try await voyage(HostsLab.Cut(host: 1, at: at, arrives: true))
        }
    }

    private func callsOfRollout() async throws -> Int {
        let whole = HostsLab()
        let first = whole.newOperator("1.0.0")
        _ = try await whole.run { try await first.up() }
        whole.cutNext(nil)
        let second = whole.newOperator("2.0.0")
        _ = try await whole.run { try await second.rollout() }
        return whole.callCount
    }

    private func voyage(_ cut: HostsLab.Cut) async throws -> String {
        let lab = HostsLab()
        let first = lab.newOperator("1.0.0")
        _ = try await lab.run { try await first.up() }
        lab.cutNext(cut)
        let second = lab.newOperator("2.0.0")
        let (outcome, code) = try await lab.run { () -> (String, Failure.Code?) in
            do {
                return ("\(try await second.rollout())", nil)
            } catch { return ("\(error)", (error as? Failure)?.code) }
        }
        await (second.ports.control as? HostsControl)?.close()
        let atOnce = try await lab.serving()
        await lab.pass(30)
        let served = try await lab.serving()
        let some = Set(served.compactMap(\.self))
        #expect(some.count == 1, "\(cut): \(served) after \(outcome)")
        let record = try await lab.worlds[0].ledger()
        let step = record.rollout.flatMap { $0.number == 2 ? $0.step : nil } ?? ""
        let decided = record.current?.number == 2 || ["drain", "stop", "finalize", "prune"].contains(step)
        if some.count == 1 { #expect(some.contains(decided ? 2 : 1), "\(cut): \(served), \(record.rollout as Any)") }
        // An operator who says so is sure of it; and before the decision there is no other end.
        if !decided {
            #expect(code == .failed || code == .unavailable, "\(cut): \(outcome)")
            #expect(Set(atOnce.compactMap(\.self)) == [1], "\(cut): \(atOnce), \(outcome)")
        }
        // Back again, everything goes on to one end.
        lab.heal()
        let third = lab.newOperator("2.0.0")
        let resumed = try await lab.run { () -> String in
            do { return "\(try await third.resume())" } catch { return "\(error)" }
        }
        let fourth = lab.newOperator("2.0.0")
        let last = try await lab.run { () -> String in
            do { return "\(try await fourth.up())" } catch { return "\(error)" }
        }
        let now = try await lab.serving()
        #expect(Set(now).count == 1 && now[0] != nil, "\(cut): \(now), \(outcome), \(resumed), \(last)")
        let status = try await lab.run { try await fourth.status() }
        #expect(status.converged && status.release?.version == "2.0.0", "\(cut): \(last)")
        let isShut = served.contains { $0 == nil }
        return some == [1] ? "all old" : isShut ? "new, the cut one shut" : "all new"
    }
}

/// The same numbers for the same seed.
struct SystemSeed: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
