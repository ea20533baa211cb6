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
        disk[path] = try StableJSON.text(record)
    }
}
