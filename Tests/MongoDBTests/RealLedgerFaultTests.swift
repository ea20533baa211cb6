import Fleet
import Foundation
import LedgerContract
import Planning
import Ports
import Synchronization
import Testing

@testable import MongoDB

@Suite("Ledger in a database that fails (real parts)", .enabled(if: RealDatabase.parts != nil), .serialized)
struct RealLedgerFaultTests {
    private static let entry = JournalEntry(rollout: 1, at: 1, step: "s", mark: .intent)

    private func checkWords(_ failure: Failure?, _ bench: LedgerBench, place: Bool = true) {
        guard let failure else { return #expect(Bool(false), "it did not fail") }
        #expect(!failure.next.isEmpty && !failure.why.isEmpty)
        if place { #expect(failure.what.contains("127.0.0.1:\(bench.database.port)"), "\(failure)") }
        for secret in [LedgerBench.password.reveal(), bench.uri.reveal(), "mongodb://", "hush"] {
            #expect(!failure.description.contains(secret), "\(failure)")
        }
    }

    @Test("killed and started again, it has every entry that was confirmed, once, in order; the writer never noticed")
    func killed() async throws {
        try await LedgerBench.with { bench in
            let leases = bench.leases("killed", patience: LedgerPatience())
            let fence = try await leases.acquire(.sample(1), lifetime: 120).fence
            let ledger = leases.ledger(under: fence)
            let confirmed = Mutex(0)
            let writing = Task {
                for number in 1...60 {
                    let entry = JournalEntry(rollout: 1, at: Double(number), step: "\(number)", mark: .done)
                    let index = try await ledger.append(entry)
                    confirmed.withLock { $0 = index }
                }
            }
            for round in 1...3 {
                while confirmed.withLock({ $0 }) < round * 12 { try await Task.sleep(for: .milliseconds(1)) }
                await bench.database.die()
                try await bench.database.comeBack()
            }
            try await writing.value
            let entries = try await ledger.journal(of: 1)
            #expect(entries.map(\.step) == (1...60).map { "\($0)" })
            #expect(entries.map(\.index) == Array(1...60))
            #expect(try await leases.current()?.fence == fence)
        }
    }

    @Test("frozen, every question ends in time with what to do next; thawed, what was given up is not done late")
    func frozen() async throws {
        try await LedgerBench.with { bench in
            let leases = bench.leases("frozen")
            let fence = try await leases.acquire(.sample(1), lifetime: 60).fence
            let ledger = leases.ledger(under: fence)
            try await ledger.save(LedgerRecord(nextGeneration: 2))
            await bench.database.freeze()
            let began = ContinuousClock.now
            async let saved = refusal { try await ledger.save(LedgerRecord(nextGeneration: 3)) }
            async let appended = refusal { try await ledger.append(Self.entry) }
            async let loaded = refusal { _ = try await ledger.load() }
            async let acquired = refusal { _ = try await leases.acquire(.sample(2), lifetime: 15) }
            async let renewed = refusal { try await leases.renew(fence, lifetime: 15) }
            async let admitted = refusal { try await leases.admit(fence) }
            for seen in [await saved, await appended, await loaded, await acquired, await renewed, await admitted] {
                #expect(seen?.code == .unavailable, "\(String(describing: seen))")
                checkWords(seen, bench, place: false)
                #expect(seen?.next.contains("the fleet serves on") == true)
            }
            #expect(ContinuousClock.now - began < .seconds(15))
            await bench.database.thaw()
            // What was given up may be carried out now, but not after a later write of the same holder.
            let patient = bench.leases("frozen", patience: LedgerPatience()).ledger(under: fence)
            try await patient.save(LedgerRecord(nextGeneration: 4))
            for _ in 0..<20 {
                #expect(try await patient.load().nextGeneration == 4)
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(try await patient.journal(of: 1).count <= 1)
            try await leases.renew(fence, lifetime: 15)
        }
    }

    @Test("a holder that stood still writes nothing, by the database's clock")
    func paused() async throws {
        try await LedgerBench.with { bench in
            let leases = bench.leases("paused")
            let fence = try await leases.acquire(.sample(1), lifetime: 0.3).fence
            let ledger = leases.ledger(under: fence)
            try await ledger.save(LedgerRecord(nextGeneration: 2))
            // Until the database itself says that its time is over.
            while try await leases.current()?.expired == false { try await Task.sleep(for: .milliseconds(20)) }
            #expect(await refusal { try await ledger.save(LedgerRecord(nextGeneration: 9)) }?.code == .leaseHeld)
            let other = try await bench.leases("paused").acquire(.sample(2), lifetime: 30)
            #expect(other.fence == fence + 1)
            for late in [
                await refusal { try await ledger.append(Self.entry) },
                await refusal { try await leases.renew(fence, lifetime: 15) },
                await refusal { try await leases.admit(fence) },
            ] { #expect(late?.code == .leaseHeld && late?.why.contains("op2@web-1") == true) }
            #expect(try await ledger.load().nextGeneration == 2)
        }
    }

    @Test("a wrong password and a user without rights say so, what to do next, and no secret")
    func refused() async throws {
        try await LedgerBench.with { bench in
            let wrong = Secret(bench.uri.reveal().replacing(LedgerBench.password.reveal(), with: "hush-wrong"))
            let login = await refusal { _ = try await bench.leases("r", uri: wrong).acquire(.sample(1), lifetime: 15) }
            #expect(login?.why.contains("refused") == true && login?.next.contains("convoy ledger user") == true)
            checkWords(login, bench)

            let grants = [DatabaseGrant(database: "shop", role: "read")]
            _ = try await MongoUserDirectory(adminURI: bench.database.rootURI)
                .ensure("reader", password: LedgerBench.password, grants: grants)
            let uri = Secret(bench.uri.reveal().replacing("//\(LedgerBench.user):", with: "//reader:"))
            let right = await refusal { _ = try await bench.leases("r", uri: uri).acquire(.sample(1), lifetime: 15) }
            #expect(right?.next.contains("readWrite on convoy_ledger") == true, "\(String(describing: right))")
            checkWords(right, bench)
        }
    }

    @Test("the ledger's user can reach nothing but the ledger")
    func rights() async throws {
        try await LedgerBench.with { bench in
            let seen = try await bench.database.python(
                """
                def refused(f):
                    try: f()
                    except pymongo.errors.OperationFailure as e: return e.code == 13
                    return False
                print(refused(lambda: c.shop.customers.insert_one({})), refused(lambda: c.shop.customers.find_one()),
                      refused(lambda: c.admin.command('createUser', 'x', pwd='y', roles=['root'])))
                """, uri: bench.uri)
            #expect(seen == "True True True")
        }
    }

    @Test(
        "a broken connection, an election and a slow answer are waited out",
        arguments: [
            "'closeConnection': True", "'errorCode': 10107", "'errorCode': 91",
            "'blockConnection': True, 'blockTimeMS': 1500",
        ])
    func failPoints(fault: String) async throws {
        try await LedgerBench.with { bench in
            let leases = bench.leases("points", patience: LedgerPatience())
            let fence = try await leases.acquire(.sample(1), lifetime: 60).fence
            let ledger = leases.ledger(under: fence)
            try await bench.database.python(
                """
                c.admin.command({'configureFailPoint': 'failCommand', 'mode': {'times': 2},
                    'data': {'failCommands': ['findAndModify'], \(fault)}})
                """)
            #expect(try await ledger.append(Self.entry) == 1)
            try await ledger.save(LedgerRecord(nextGeneration: 7))
            #expect(try await ledger.journal(of: 1).count == 1)
            #expect(try await ledger.load().nextGeneration == 7)
        }
    }

    @Test("away for good, it is unavailable within the time allowed")
    func away() async throws {
        try await LedgerBench.with { bench in
            await bench.database.goAway()
            let began = ContinuousClock.now
            let seen = await refusal { _ = try await bench.leases("away").acquire(.sample(1), lifetime: 15) }
            #expect(ContinuousClock.now - began < .seconds(6))
            #expect(seen?.code == .unavailable)
            checkWords(seen, bench)
        }
    }
}
