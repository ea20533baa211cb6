import Fleet
import Ports

/// A ledger on the fake disk.
struct MemoryLedger: Ledger {
    let disk: FakeDisk
    let path: String
    let fuse: Fuse

    func load() async throws -> LedgerRecord {
        try fuse.pass()
        guard let text = disk[path] else { return LedgerRecord() }
        return try disk.record(text)
    }
    func save(_ record: LedgerRecord) async throws {
        try fuse.pass()
        try disk.take(path)
        disk[path] = try StableJSON.text(record)
    }

    func append(_ entry: JournalEntry) async throws -> Int {
        try fuse.pass()
        try disk.take(path)
        var entry = entry
        return disk.journal.withLock { journal in
            entry.index = journal.count { $0.rollout == entry.rollout } + 1
            journal.append(entry)
            return entry.index
        }
    }

    func journal(of rollout: Int) async throws -> [JournalEntry] {
        disk.journal.withLock { $0.filter { $0.rollout == rollout } }
    }
}
