import Fleet
import Planning
import Ports

/// Whatever several operators do in whatever order: one at most can write, fences grow, what was saved stays.
package enum LeaseLaws {
    private struct Chance {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }

    package static func hold(_ desk: LedgerStage, seed: Int, steps: Int) async throws {
        var chance = Chance(state: UInt64(seed + 1))
        var fences: [Int32: Int] = [:]
        var highest = 0
        var saved = 0
        for step in 0..<steps {
            let pid = Int32(chance.next(4) + 1)
            switch chance.next(12) {
            case 0...2:
                if let fence = try? await desk.acquire(pid) {
                    try await expect(fence > highest)
                    (highest, fences[pid]) = (fence, fence)
                }
            case 3...4: if let fence = fences[pid] { try? await desk.leases.renew(fence, lifetime: 15) }
            case 5: if let fence = fences[pid] { try await desk.leases.release(fence) }
            case 6: _ = chance.next(4) == 0 ? try await desk.leases.breakLease() : nil
            case 7: desk.witness.pass(Double(chance.next(12)))
            case 8: if chance.next(10) == 0 { desk.witness.restart() }
            default:
                let writers = try await self.writers(desk, fences, next: saved + 1)
                try await expect(writers.count <= 1, "step \(step): \(writers)")
                saved += writers.count
                let admitted = try await self.admitted(desk, fences)
                try await expect(admitted == writers, "step \(step)")
                if let lease = try await desk.leases.current(), !lease.expired {
                    try await expect(writers.allSatisfy { $0 == lease.fence }, "step \(step)")
                }
            }
            try await expect(desk.ledger().load().nextGeneration == saved + 1, "step \(step)")
        }
        try await expect(saved > 10 && highest > 5, "the dice never fell: \(saved) \(highest)")
        try await expect(desk.ledger().journal(of: 1).map(\.index) == Array(1...saved))
    }

    /// The fences under which a save went through: everybody tries.
    private static func writers(_ desk: LedgerStage, _ fences: [Int32: Int], next: Int) async throws -> [Int] {
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

    private static func admitted(_ desk: LedgerStage, _ fences: [Int32: Int]) async throws -> [Int] {
        var found: [Int] = []
        for fence in Set(fences.values).sorted() where await refusal({ try await desk.leases.admit(fence) }) == nil {
            found.append(fence)
        }
        return found
    }
}
