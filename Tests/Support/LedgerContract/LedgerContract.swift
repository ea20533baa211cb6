import Fleet
import Ports

/// What every `Ledger` keeps.
package enum LedgerContract {
    /// a new ledger knows nothing and begins with generation 1
    package static func empty(_ desk: LedgerStage) async throws {
        try await expect(desk.ledger().load() == LedgerRecord())
        try await expect(desk.ledger().journal(of: 1).isEmpty)
        let fence = try await desk.acquire(1)
        try await expect(desk.ledger(under: fence).load() == LedgerRecord())
    }

    /// what was saved is loaded, all of it
    package static func roundTrip(_ desk: LedgerStage) async throws {
        let ledger = desk.ledger(under: try await desk.acquire(1))
        var record = try LedgerSamples.record()
        record.rollout = RolloutRecord(
            number: 3, verb: "rollout", strategy: "flip", from: 2, step: "stage", reason: "why", startedAt: 1.5)
        try await ledger.save(record)
        try await expect(ledger.load() == record)
        record.next = nil
        record.audit.append(.init(at: 0.5, verb: "down", outcome: "done \u{1F6A2} \"quoted\"\n"))
        try await ledger.save(record)
        try await expect(ledger.load() == record)
        try await expect(desk.ledger().load() == record)
    }

    /// of the audit the newest 500 entries are kept, in order
    package static func audit(_ desk: LedgerStage) async throws {
        let ledger = desk.ledger(under: try await desk.acquire(1))
        var record = LedgerRecord()
        for number in 0..<1203 {
            record.audit.append(.init(at: Double(number), verb: "up", outcome: "\(number)"))
            guard number.isMultiple(of: 200) || number == 1202 else { continue }
            try await ledger.save(record)
            let known = try await ledger.load().audit
            try await expect(known == Array(record.audit.suffix(500)), "\(number)")
        }
        record.audit = [.init(at: 1, verb: "other", outcome: "history")]
        try await ledger.save(record)
        try await expect(ledger.load() == record)
    }

    /// each rollout's journal counts from 1 and keeps its order
    package static func journal(_ desk: LedgerStage) async throws {
        let ledger = desk.ledger(under: try await desk.acquire(1))
        for index in 1...5 {
            for rollout in [7, 8] {
                let entry = JournalEntry(
                    rollout: rollout, at: Double(index), step: "s\(index)", mark: index == 5 ? .failed : .intent,
                    detail: "d'\"\(rollout)")
                try await expect(ledger.append(entry) == index)
            }
        }
        let entries = try await desk.ledger().journal(of: 8)
        try await expect(entries.map(\.index) == [1, 2, 3, 4, 5] && entries.allSatisfy { $0.rollout == 8 })
        try await expect(entries.last?.mark == .failed && entries.first?.detail == "d'\"8")
        try await expect(ledger.journal(of: 9).isEmpty)
    }

    /// without a lease, or with one that is over, nothing is written
    package static func fenced(_ desk: LedgerStage) async throws {
        let fence = try await desk.acquire(1)
        try await desk.ledger(under: fence).save(try LedgerSamples.record())
        desk.witness.pass(15)
        let entry = JournalEntry(rollout: 1, at: 0, step: "s", mark: .intent)
        for late in [nil, fence, fence + 1] {
            let ledger = desk.ledger(under: late)
            try await expect(refusal { try await ledger.save(LedgerRecord()) }?.code == .leaseHeld)
            try await expect(refusal { try await ledger.append(entry) }?.code == .leaseHeld)
        }
        try await expect(desk.ledger().load() == LedgerSamples.record())
        try await expect(desk.ledger().journal(of: 1).isEmpty)
    }
}
