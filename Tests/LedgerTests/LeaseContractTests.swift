import Fleet
import LedgerContract
import Planning
import Ports
import Testing

@testable import Ledger

@Suite("LeaseStore contract")
struct LeaseContractTests {
    @Test("nobody holds a new lease; the second who asks is told who has it", arguments: Kind.allCases)
    func second(kind: Kind) async throws {
        let desk = try Desk(kind)
        #expect(try await desk.leases.current() == nil)
        #expect(try await desk.leases.breakLease() == nil)
        let fence = try await desk.acquire(1, verb: "rollout")
        desk.witness.pass(7)
        let refusal = try #require(await failure { _ = try await desk.acquire(2) })
        #expect(refusal.code == .leaseHeld)
        for word in ["op1@web-1", "on web-1", "`rollout`", "pid 1", "for 7s"] {
            #expect(refusal.why.contains(word), "\(refusal)")
        }
        let lease = try #require(try await desk.leases.current())
        #expect(lease.fence == fence && lease.holder == .sample(1) && !lease.expired)
        #expect(lease.ageSeconds == 7 && lease.heartbeatSeconds == 7)
    }

    @Test("a heartbeat prolongs it; silence ends it, for good", arguments: Kind.allCases)
    func expiry(kind: Kind) async throws {
        let desk = try Desk(kind)
        let fence = try await desk.acquire(1)
        for _ in 0..<4 {
            desk.witness.pass(14)
            try await desk.leases.renew(fence, lifetime: 15)
        }
        #expect(try await desk.leases.current()?.ageSeconds == 56)
        desk.witness.pass(15)
        #expect(try await desk.leases.current()?.expired == true)
        let late = try #require(await failure { try await desk.leases.renew(fence, lifetime: 15) })
        #expect(late.code == .leaseHeld && late.why.contains("nothing was heard of this operator for 15s"))
        let next = try await desk.acquire(2, verb: "up")
        #expect(next > fence)
        let lost = try #require(await failure { try await desk.leases.renew(fence, lifetime: 15) })
        #expect(lost.why.contains("op2@web-1") && lost.why.contains("`up`"))
        try await desk.leases.renew(next, lifetime: 15)
    }

    @Test(
        "a holder whose process is gone, or whose machine was started anew, loses it at once", arguments: Kind.allCases)
    func gone(kind: Kind) async throws {
        let desk = try Desk(kind)
        _ = try await desk.acquire(1)
        desk.witness.kill(1)
        #expect(try await desk.leases.current()?.expired == true)
        let second = try await desk.acquire(2)
        desk.witness.restart()
        #expect(await failure { try await desk.leases.renew(second, lifetime: 15) }?.why.contains("anew") == true)
        #expect(try await desk.acquire(3) == second + 1)
    }

    @Test("fences count up, also after a release and a break", arguments: Kind.allCases)
    func fences(kind: Kind) async throws {
        let desk = try Desk(kind)
        var last = 0
        for round in 0..<6 {
            let fence = try await desk.acquire(Int32(round))
            #expect(fence > last)
            // Not the holder's any more: nothing happens.
            if last > 0 { try await desk.leases.release(last) }
            #expect(try await desk.leases.current()?.fence == fence)
            if round.isMultiple(of: 2) {
                try await desk.leases.release(fence)
            } else {
                #expect(try await desk.leases.breakLease()?.holder == .sample(Int32(round)))
            }
            #expect(try await desk.leases.current() == nil)
            last = fence
        }
    }

    @Test("a broken holder can neither write nor renew nor ask a supervisor", arguments: Kind.allCases)
    func broken(kind: Kind) async throws {
        let desk = try Desk(kind)
        let fence = try await desk.acquire(1)
        try await desk.leases.admit(fence)
        _ = try await desk.leases.breakLease()
        #expect(await failure { try await desk.leases.admit(fence) }?.code == .leaseHeld)
        #expect(await failure { try await desk.leases.renew(fence, lifetime: 15) }?.code == .leaseHeld)
        #expect(await failure { try await desk.ledger(under: fence).save(LedgerRecord()) }?.code == .leaseHeld)
    }

    @Test("a supervisor admits the fence that is held now, and no other", arguments: Kind.allCases)
    func admission(kind: Kind) async throws {
        let desk = try Desk(kind)
        #expect(await failure { try await desk.leases.admit(1) }?.code == .leaseHeld)
        let first = try await desk.acquire(1)
        try await desk.leases.release(first)
        let second = try await desk.acquire(2)
        try await desk.leases.admit(second)
        for wrong in [nil, 0, first, second + 1] {
            #expect(
                await failure { try await desk.leases.admit(wrong) }?.code == .leaseHeld, "\(String(describing: wrong))"
            )
        }
        desk.witness.pass(15)
        #expect(await failure { try await desk.leases.admit(second) }?.code == .leaseHeld)
    }
}

/// Whatever several operators do in whatever order: one at most can write, fences grow, what was saved stays.
@Suite("Lease laws")
struct LeaseLawTests {
    private struct Chance {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }

    @Test("hold for any order of events", arguments: Kind.allCases, 0..<4)
    func laws(kind: Kind, seed: Int) async throws {
        let desk = try Desk(kind)
        var chance = Chance(state: UInt64(seed + 1))
        var fences: [Int32: Int] = [:]
        var highest = 0
        var saved = 0
        for step in 0..<(kind == .memory ? 5000 : 500) {
            let pid = Int32(chance.next(4) + 1)
            switch chance.next(12) {
            case 0...2:
                if let fence = try? await desk.acquire(pid) {
                    #expect(fence > highest)
                    (highest, fences[pid]) = (fence, fence)
                }
            case 3...4: if let fence = fences[pid] { try? await desk.leases.renew(fence, lifetime: 15) }
            case 5: if let fence = fences[pid] { try await desk.leases.release(fence) }
            case 6: _ = chance.next(4) == 0 ? try await desk.leases.breakLease() : nil
            case 7: desk.witness.pass(Double(chance.next(12)))
            case 8: if chance.next(10) == 0 { desk.witness.restart() }
            default:
                let writers = try await self.writers(desk, fences, next: saved + 1)
                #expect(writers.count <= 1, "step \(step): \(writers)")
                saved += writers.count
                let admitted = try await self.admitted(desk, fences)
                #expect(admitted == writers, "step \(step)")
                if let lease = try await desk.leases.current(), !lease.expired {
                    #expect(writers.allSatisfy { $0 == lease.fence }, "step \(step)")
                }
            }
            #expect(try await desk.ledger().load().nextGeneration == saved + 1, "step \(step)")
        }
        #expect(saved > 10 && highest > 5, "the dice never fell: \(saved) \(highest)")
        #expect(try await desk.ledger().journal(of: 1).map(\.index) == Array(1...saved))
    }

    /// The fences under which a save went through: everybody tries.
    private func writers(_ desk: Desk, _ fences: [Int32: Int], next: Int) async throws -> [Int] {
        var found: [Int] = []
        for fence in Set(fences.values).sorted() {
            let ledger = desk.ledger(under: fence)
            do {
                try await ledger.append(JournalEntry(rollout: 1, at: 0, step: "\(next)", mark: .done))
                try await ledger.save(LedgerRecord(nextGeneration: next + 1))
                found.append(fence)
            } catch let failure as Failure where failure.code == .leaseHeld {}
        }
        return found
    }

    private func admitted(_ desk: Desk, _ fences: [Int32: Int]) async throws -> [Int] {
        var found: [Int] = []
        for fence in Set(fences.values).sorted() where await failure({ try await desk.leases.admit(fence) }) == nil {
            found.append(fence)
        }
        return found
    }
}
