import Fleet
import Foundation
import Ports

/// A ledger on the fake disk.
struct MemoryLedger: Ledger {
    let disk: FakeDisk
    let path: String
    let fuse: Fuse

    func load() async throws -> LedgerRecord {
        try fuse.pass()
        guard let text = disk[path] else { return LedgerRecord() }
        return try JSONDecoder().decode(LedgerRecord.self, from: Data(text.utf8))
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
        let before = disk[path + ".journal"] ?? ""
        entry.index = try await journal(of: entry.rollout).count + 1
        disk[path + ".journal"] = before + String(decoding: try JSONEncoder().encode(entry), as: UTF8.self) + "\n"
        return entry.index
    }

    func journal(of rollout: Int) async throws -> [JournalEntry] {
        try (disk[path + ".journal"] ?? "").split(separator: "\n")
            .map { try JSONDecoder().decode(JournalEntry.self, from: Data($0.utf8)) }
            .filter { $0.rollout == rollout }
    }
}
