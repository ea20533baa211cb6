import Fleet
import LedgerContract
import Ports
import Testing

@testable import Ledger

@Suite("Ledger contract")
struct LedgerContractTests {
    @Test("a new ledger knows nothing and begins with generation 1", arguments: Kind.allCases)
    func empty(kind: Kind) async throws {
        let desk = try Desk(kind)
        #expect(try await desk.ledger().load() == LedgerRecord())
        #expect(try await desk.ledger().journal(of: 1).isEmpty)
        let fence = try await desk.acquire(1)
        #expect(try await desk.ledger(under: fence).load() == LedgerRecord())
    }

    @Test("what was saved is loaded, all of it", arguments: Kind.allCases)
    func roundTrip(kind: Kind) async throws {
        let desk = try Desk(kind)
        let ledger = desk.ledger(under: try await desk.acquire(1))
        var record = try Samples.record()
        record.rollout = RolloutRecord(
            number: 3, verb: "rollout", strategy: "flip", from: 2, step: "stage", reason: "why", startedAt: 1.5)
        try await ledger.save(record)
        #expect(try await ledger.load() == record)
        record.next = nil
        record.audit.append(.init(at: 0.5, verb: "down", outcome: "done \u{1F6A2} \"quoted\"\n"))
        try await ledger.save(record)
        #expect(try await ledger.load() == record)
        #expect(try await desk.ledger().load() == record)
    }

    @Test("of the audit the newest 500 entries are kept, in order", arguments: Kind.allCases)
    func audit(kind: Kind) async throws {
        let desk = try Desk(kind)
        let ledger = desk.ledger(under: try await desk.acquire(1))
        var record = LedgerRecord()
        for number in 0..<1203 {
            record.audit.append(.init(at: Double(number), verb: "up", outcome: "\(number)"))
            guard number.isMultiple(of: 200) || number == 1202 else { continue }
            try await ledger.save(record)
            let known = try await ledger.load().audit
            #expect(known == Array(record.audit.suffix(500)), "\(number)")
        }
        record.audit = [.init(at: 1, verb: "other", outcome: "history")]
        try await ledger.save(record)
        #expect(try await ledger.load() == record)
    }

    @Test("each rollout's journal counts from 1 and keeps its order", arguments: Kind.allCases)
    func journal(kind: Kind) async throws {
        let desk = try Desk(kind)
        let ledger = desk.ledger(under: try await desk.acquire(1))
        for index in 1...5 {
            for rollout in [7, 8] {
                let entry = JournalEntry(
                    rollout: rollout, at: Double(index), step: "s\(index)", mark: index == 5 ? .failed : .intent,
                    detail: "d'\"\(rollout)")
                #expect(try await ledger.append(entry) == index)
            }
        }
        let entries = try await desk.ledger().journal(of: 8)
        #expect(entries.map(\.index) == [1, 2, 3, 4, 5] && entries.allSatisfy { $0.rollout == 8 })
        #expect(entries.last?.mark == .failed && entries.first?.detail == "d'\"8")
        #expect(try await ledger.journal(of: 9).isEmpty)
    }

    @Test("without a lease, or with one that is over, nothing is written", arguments: Kind.allCases)
    func fenced(kind: Kind) async throws {
        let desk = try Desk(kind)
        let fence = try await desk.acquire(1)
        try await desk.ledger(under: fence).save(try Samples.record())
        desk.witness.pass(15)
        let entry = JournalEntry(rollout: 1, at: 0, step: "s", mark: .intent)
        for late in [nil, fence, fence + 1] {
            let ledger = desk.ledger(under: late)
            #expect(await failure { try await ledger.save(LedgerRecord()) }?.code == .leaseHeld)
            #expect(await failure { try await ledger.append(entry) }?.code == .leaseHeld)
        }
        #expect(try await desk.ledger().load() == Samples.record())
        #expect(try await desk.ledger().journal(of: 1).isEmpty)
    }
}
