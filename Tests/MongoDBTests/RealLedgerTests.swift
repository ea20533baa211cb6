import Fleet
import Foundation
import LedgerContract
import Planning
import Ports
import Testing

@testable import MongoDB

@Suite("Ledger in a database (real parts)", .enabled(if: RealDatabase.parts != nil), .serialized)
struct RealLedgerTests {
    @Test("keeps the contract of leases")
    func leases() async throws {
        try await LedgerBench.with { bench in
            try await LeaseContract.second(bench.stage("second").0)
            try await LeaseContract.expiry(bench.stage("expiry").0)
            try await LeaseContract.gone(bench.stage("gone").0)
            try await LeaseContract.fences(bench.stage("fences").0)
            try await LeaseContract.broken(bench.stage("broken").0)
            try await LeaseContract.admission(bench.stage("admission").0)
            #expect(try bench.database.connections() == 0)
        }
    }

    @Test("keeps the contract of ledgers and of places that they move to")
    func ledgers() async throws {
        try await LedgerBench.with { bench in
            try await LedgerContract.empty(bench.stage("empty").0)
            try await LedgerContract.roundTrip(bench.stage("round-trip").0)
            try await LedgerContract.audit(bench.stage("audit").0)
            try await LedgerContract.journal(bench.stage("journal").0)
            try await LedgerContract.fenced(bench.stage("fenced").0)
            let (arrival, first) = bench.stage("arrival")
            try await BerthContract.arrival(arrival, first)
            let (departure, second) = bench.stage("departure")
            try await BerthContract.departure(departure, second)
        }
    }

    @Test("one at most can write, fences grow, what was saved stays: in any order", arguments: 0..<2)
    func laws(seed: Int) async throws {
        try await LedgerBench.with { bench in
            try await LeaseLaws.hold(bench.stage("laws").0, seed: seed, steps: 150)
        }
    }

    @Test("of two operators who begin at once exactly one gets the lease, a hundred times")
    func race() async throws {
        try await LedgerBench.with { bench in
            var last = 0
            for round in 1...100 {
                let results = await withTaskGroup(of: Result<Int, any Error>.self) { group in
                    for pid in 1...2 {
                        group.addTask {
                            let operators = bench.leases("race")
                            do {
                                return .success(
                                    try await operators.acquire(.sample(Int32(pid)), lifetime: 30).fence)
                            } catch { return .failure(error) }
                        }
                    }
                    return await group.reduce(into: []) { $0.append($1) }
                }
                let fences = results.compactMap { try? $0.get() }
                #expect(fences.count == 1, "round \(round): \(results)")
                let fence = try #require(fences.first)
                #expect(fence == last + 1)
                last = fence
                try await bench.leases("race").release(fence)
            }
        }
    }

    @Test("journals of old rollouts leave the head, those of very old ones the database; none is cut short")
    func archive() async throws {
        try await LedgerBench.with { bench in
            let stage = bench.stage("archive").0
            let ledger = stage.ledger(under: try await stage.acquire(1))
            for rollout in 1...104 {
                for step in ["a", "b"] {
                    try await ledger.append(JournalEntry(rollout: rollout, at: 1, step: step, mark: .done))
                }
            }
            #expect(try await ledger.append(JournalEntry(rollout: 90, at: 2, step: "again", mark: .done)) == 3)
            #expect(try await ledger.journal(of: 90).map(\.step) == ["a", "b", "again"])
            #expect(try await ledger.journal(of: 4).isEmpty)
            #expect(try await ledger.journal(of: 5).map(\.step) == ["a", "b"])
            let seen = try await bench.database.python(
                """
                d = c.convoy_ledger.fleets.find_one({'_id': 'archive'})
                print(sorted(set(e['rollout'] for e in d['journal'])), sorted(d['rollouts']))
                """)
            #expect(seen == "[90, 102, 103, 104] [90, 102, 103, 104]")
        }
    }
}
