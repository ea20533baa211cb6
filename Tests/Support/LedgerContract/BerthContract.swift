import Fleet
import Planning
import Ports

/// What every `LedgerBerth` keeps.
package enum BerthContract {
    private static func cargo() throws -> LedgerCargo {
        var journals: [Int: [JournalEntry]] = [:]
        for rollout in 1...5 {
            journals[rollout] = (1...rollout).map {
                JournalEntry(rollout: rollout, index: $0, at: Double($0) + 0.25, step: "s$\($0)", mark: .done)
            }
        }
        return LedgerCargo(fence: 41, record: try LedgerSamples.record(), journals: journals)
    }

    /// What arrives is all there, is refused until it is opened, and goes on counting.
    package static func arrival(_ desk: LedgerStage, _ berth: any LedgerBerth) async throws {
        try await expect(berth.standing() == .empty)
        let cargo = try cargo()
        try await berth.stow(
            LedgerCargo(fence: 7, record: LedgerRecord(), journals: [9: cargo.journals[1] ?? []]), by: "x")
        // The move was cut, and is run again.
        for _ in 0..<2 { try await berth.stow(cargo, by: "y") }
        try await expect(berth.standing() == .arriving("y"))
        try await expect(berth.cargo() == cargo)
        let refusals = [
            await refusal { _ = try await desk.acquire(1) }, await refusal { _ = try await desk.ledger().load() },
            await refusal { try await desk.leases.admit(41) },
        ]
        try await expect(
            refusals.allSatisfy { $0?.code == .failed && $0?.next.contains("move") == true }, "\(refusals)")
        // By a ticket that is none.
        _ = try? await berth.open(by: "x")
        try await expect(berth.standing() == .arriving("y"))
        for _ in 0..<2 { try await berth.open(by: "y") }
        try await expect(berth.standing() == .serving)
        let fence = try await desk.acquire(1)
        try await expect(fence == 42)
        try await expect(desk.ledger().load() == cargo.record)
        try await expect(desk.ledger(under: fence).append(JournalEntry(rollout: 5, at: 1, step: "s", mark: .done)) == 6)
        try await expect(desk.ledger().journal(of: 4) == cargo.journals[4])
        _ = try? await berth.stow(cargo, by: "z")
        try await expect(berth.standing() == .serving)
        try await expect(desk.ledger().journal(of: 5).count == 6)
    }

    /// What has left is refused with what to do next, by whoever still has a lease, too; and can come back.
    package static func departure(_ desk: LedgerStage, _ berth: any LedgerBerth) async throws {
        let fence = try await desk.acquire(1)
        try await desk.ledger(under: fence).save(LedgerSamples.record())
        try await expect(refusal { try await berth.leave(by: "t", under: fence + 1) }?.code == .leaseHeld)
        try await expect(berth.standing() == .serving)
        for _ in 0..<2 { try await berth.leave(by: "t", under: fence) }
        try await expect(berth.standing() == .left("t"))
        let entry = JournalEntry(rollout: 1, at: 0, step: "s", mark: .intent)
        let refusals = [
            await refusal { try await desk.ledger(under: fence).append(entry) },
            await refusal { try await desk.ledger(under: fence).save(LedgerRecord()) },
            await refusal { _ = try await desk.acquire(2) }, await refusal { _ = try await desk.ledger().load() },
            await refusal { try await desk.leases.admit(fence) },
        ]
        try await expect(refusals.allSatisfy { $0?.why.contains("it has moved to") == true }, "\(refusals)")
        try await expect(refusals.allSatisfy { $0?.next.contains("convoy ledger move") == true })
        let cargo = try await berth.cargo()
        try await expect(cargo.fence == fence && cargo.record == LedgerSamples.record())
        try await berth.stow(cargo, by: "back")
        try await berth.open(by: "back")
        try await expect(desk.acquire(3) == fence + 1)
    }
}
