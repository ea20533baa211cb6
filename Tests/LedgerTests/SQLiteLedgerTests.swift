import Fleet
import Foundation
import GRDB
import LedgerContract
import Ports
import Testing

@testable import Ledger

@Suite("SQLiteLedger")
struct SQLiteLedgerTests {
    @Test("reading makes no file; the first lease makes one that is its owner's alone")
    func files() async throws {
        let desk = try Desk()
        _ = try await desk.ledger().load()
        _ = try await desk.leases.current()
        #expect(!FileManager.default.fileExists(atPath: desk.path))
        let fence = try await desk.acquire(1)
        try await desk.ledger(under: fence).save(try LedgerSamples.record())
        for name in try FileManager.default.contentsOfDirectory(atPath: desk.directory) {
            let attributes = try FileManager.default.attributesOfItem(atPath: desk.directory + "/" + name)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(name)")
        }
    }

    @Test("each commit is in a synced write-ahead log")
    func durable() async throws {
        let desk = try Desk()
        _ = try await desk.acquire(1)
        let database = LedgerDatabase(path: desk.path, legacyPath: desk.oldPath)
        let (mode, sync) = try await database.write { db in
            (try String.fetchOne(db, sql: "PRAGMA journal_mode"), try Int.fetchOne(db, sql: "PRAGMA synchronous"))
        }
        #expect(mode == "wal" && sync == 2)
    }

    @Test("other processes see what is written while the writer is at work")
    func others() async throws {
        let desk = try Desk()
        let fence = try await desk.acquire(1)
        let other = desk.another()
        try await other.admit(fence)
        try await desk.ledger(under: fence).save(try LedgerSamples.record())
        #expect(try await other.ledger().load() == LedgerSamples.record())
        #expect(await failure { _ = try await other.acquire(.sample(2), lifetime: 15) }?.code == .leaseHeld)
        #expect(try await other.breakLease()?.fence == fence)
        #expect(await failure { try await desk.ledger(under: fence).save(LedgerRecord()) }?.code == .leaseHeld)
    }

    @Test("of many that begin at the same moment, on no file at all, one gets the lease", arguments: 0..<5)
    func stampede(round: Int) async throws {
        let desk = try Desk()
        let (winners, others) = await withTaskGroup(of: Failure?.self) { group in
            for pid in 1...8 {
                let leases = desk.another()
                group.addTask {
                    await failure { _ = try await leases.acquire(.sample(Int32(pid)), lifetime: 15) }
                }
            }
            return await group.reduce(into: (0, [Failure]())) { counts, failure in
                if let failure { counts.1.append(failure) } else { counts.0 += 1 }
            }
        }
        #expect(winners == 1)
        #expect(others.allSatisfy { $0.code == .leaseHeld && $0.why.contains("is at work on it") }, "\(others)")
    }

    @Test("the fence never counts back, whatever a writer wants")
    func trigger() async throws {
        let desk = try Desk()
        _ = try await desk.acquire(1)
        let database = LedgerDatabase(path: desk.path, legacyPath: desk.oldPath)
        for sql in ["UPDATE lease SET fence = 0", "DELETE FROM lease"] {
            #expect(await failure { try await database.write { try $0.execute(sql: sql) } } != nil)
        }
    }

    @Test("journals of the newest 100 rollouts are kept")
    func oldJournals() async throws {
        let desk = try Desk()
        let ledger = desk.ledger(under: try await desk.acquire(1))
        for rollout in 1...103 {
            try await ledger.append(JournalEntry(rollout: rollout, at: 0, step: "s", mark: .done))
        }
        #expect(try await ledger.journal(of: 3).isEmpty)
        #expect(try await ledger.journal(of: 4).count == 1)
    }

    @Test("the ledger of a newer convoy is refused as such, for reading and for writing")
    func newer() async throws {
        let desk = try Desk()
        let fence = try await desk.acquire(1)
        let database = LedgerDatabase(path: desk.path, legacyPath: desk.oldPath)
        try await database.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('2: of tomorrow')") }
        let other = desk.another()
        let refusals = [
            await failure { _ = try await other.ledger().load() }, await failure { try await other.admit(fence) },
            await failure { _ = try await other.acquire(.sample(2), lifetime: 15) },
        ]
        #expect(refusals.allSatisfy { $0?.why == "it is of a newer convoy" }, "\(refusals)")
    }

    @Test("the record of a newer convoy is refused as such")
    func newerRecord() async throws {
        let desk = try Desk()
        let fence = try await desk.acquire(1)
        try await desk.ledger(under: fence).save(LedgerRecord(format: 2))
        #expect(await failure { _ = try await desk.ledger().load() }?.why == "it is of a newer convoy")
    }

    @Test("a damaged file is refused and kept as it is", arguments: [0, 100, 5000, 9000])
    func damaged(offset: Int) async throws {
        let desk = try Desk()
        try await seed(desk.directory)
        let url = URL(fileURLWithPath: desk.path)
        var bytes = try Data(contentsOf: url)
        bytes.replaceSubrange(offset..<min(bytes.count, offset + 4000), with: Data(repeating: 0x5A, count: 4000))
        try bytes.write(to: url)
        for _ in 0..<2 {
            let refusal = try #require(await failure { _ = try await desk.another().acquire(.sample(2), lifetime: 15) })
            #expect(refusal.code == .failed && refusal.why.contains("damaged"), "\(refusal)")
            #expect(refusal.what.contains(desk.path) && !refusal.next.isEmpty)
        }
        #expect(try Data(contentsOf: url) == bytes)
    }

    @Test("text that is no database is refused and kept")
    func noDatabase() async throws {
        let desk = try Desk()
        try Data(String(repeating: "precious ", count: 300).utf8).write(to: URL(fileURLWithPath: desk.path))
        #expect(await failure { _ = try await desk.acquire(1) }?.why == "it is damaged")
        #expect(await failure { _ = try await desk.ledger().load() }?.why == "it is damaged")
        #expect(await failure { try await desk.leases.admit(1) }?.why == "it is damaged")
        #expect(FileManager.default.contents(atPath: desk.path)?.starts(with: Data("precious".utf8)) == true)
    }

    @Test("an empty file, as a power cut leaves it, is a new ledger")
    func emptyFile() async throws {
        let desk = try Desk()
        try Data().write(to: URL(fileURLWithPath: desk.path))
        #expect(try await desk.ledger().load() == LedgerRecord())
        #expect(try await desk.acquire(1) == 1)
    }

    /// A closed database: all of it in one file.
    private func seed(_ directory: String) async throws {
        var configuration = Configuration()
        configuration.journalMode = .wal
        let queue = try DatabaseQueue(path: directory + "/ledger.db", configuration: configuration)
        try LedgerSchema.migrator.migrate(queue)
        try await queue.write { db in try RecordTable.save(try LedgerSamples.record(), in: db) }
        try queue.close()
    }
}

@Suite("Import of an older ledger")
struct ImportedLedgerTests {
    @Test("it is read where it lies, taken over by the first lease, and kept under another name")
    func takenOver() async throws {
        let desk = try Desk()
        let text = try StableJSON.text(try LedgerSamples.record())
        try Data(text.utf8).write(to: URL(fileURLWithPath: desk.oldPath))
        #expect(try await desk.ledger().load() == LedgerSamples.record())
        #expect(FileManager.default.fileExists(atPath: desk.oldPath))
        let fence = try await desk.acquire(1)
        #expect(!FileManager.default.fileExists(atPath: desk.oldPath))
        #expect(FileManager.default.contents(atPath: desk.oldPath + ".imported") == Data(text.utf8))
        #expect(try await desk.ledger(under: fence).load() == LedgerSamples.record())
        #expect(try await desk.another().ledger().load() == LedgerSamples.record())
    }

    @Test("cut before it was renamed, it is renamed by the next")
    func cut() async throws {
        let desk = try Desk()
        let fence = try await desk.acquire(1)
        try await desk.ledger(under: fence).save(try LedgerSamples.record())
        try await desk.leases.release(fence)
        try Data(try StableJSON.text(try LedgerSamples.record()).utf8).write(to: URL(fileURLWithPath: desk.oldPath))
        _ = try await desk.another().acquire(.sample(2), lifetime: 15)
        #expect(!FileManager.default.fileExists(atPath: desk.oldPath))
    }

    @Test("one that says something else is for a person to judge")
    func disagreement() async throws {
        let desk = try Desk()
        let fence = try await desk.acquire(1)
        try await desk.ledger(under: fence).save(try LedgerSamples.record())
        try await desk.leases.release(fence)
        try Data(try StableJSON.text(LedgerRecord()).utf8).write(to: URL(fileURLWithPath: desk.oldPath))
        let refusal = await failure { _ = try await desk.another().acquire(.sample(2), lifetime: 15) }
        #expect(refusal?.what == "there are two ledgers")
        #expect(FileManager.default.fileExists(atPath: desk.oldPath))
    }

    @Test(
        "a damaged one is kept as it is and refused",
        arguments: ["", "{", "null", "[]", "{}", #"{"format":1}"#, #"{"format":1,"nextGeneration":"x","audit":[]}"#])
    func damaged(text: String) async throws {
        let desk = try Desk()
        try Data(text.utf8).write(to: URL(fileURLWithPath: desk.oldPath))
        #expect(await failure { _ = try await desk.ledger().load() }?.why == "it is damaged")
        let refusal = try #require(await failure { _ = try await desk.acquire(1) })
        #expect(refusal.what.contains(desk.oldPath) && refusal.why == "it is damaged" && !refusal.next.isEmpty)
        #expect(FileManager.default.contents(atPath: desk.oldPath) == Data(text.utf8))
    }

    @Test("that of a newer convoy is refused as such, whatever else is in it")
    func newer() async throws {
        for text in [#"{"format":2,"nextGeneration":1,"audit":[]}"#, #"{"format":7,"everything":"else"}"#] {
            let desk = try Desk()
            try Data(text.utf8).write(to: URL(fileURLWithPath: desk.oldPath))
            #expect(await failure { _ = try await desk.acquire(1) }?.why == "it is of a newer convoy")
        }
    }
}
