import Fleet
import Foundation
import Ports

/// The ledger of a fleet on one machine: one file, replaced atomically.
package struct FileLedger: Ledger {
    private let files: any FileStore
    private let path: String

    package init(files: any FileStore, path: String) {
        self.files = files
        self.path = path
    }

    package func load() async throws -> LedgerRecord {
        guard let text = try files.read(path) else { return LedgerRecord() }
        do {
            // Alone and first: what else a newer one holds is not known here.
            let format = try JSONDecoder().decode(Format.self, from: Data(text.utf8)).format
            guard format == 1 else { throw unreadable("its format \(format) is of a newer convoy") }
            return try JSONDecoder().decode(LedgerRecord.self, from: Data(text.utf8))
        } catch let failure as Failure {
            throw failure
        } catch {
            // Law 8: it is kept as it is, and nothing is done on its word.
            throw unreadable("it is damaged")
        }
    }

    package func save(_ record: LedgerRecord) async throws {
        try files.write(path, try StableJSON.text(record), mode: 0o600)
    }

    package func append(_ entry: JournalEntry) async throws -> Int {
        var entry = entry
        entry.index = try await journal(of: entry.rollout).count + 1
        let line = String(decoding: try JSONEncoder().encode(entry), as: UTF8.self) + "\n"
        try files.write(path + ".journal", (try files.read(path + ".journal") ?? "") + line, mode: 0o600)
        return entry.index
    }

    package func journal(of rollout: Int) async throws -> [JournalEntry] {
        try (try files.read(path + ".journal") ?? "").split(separator: "\n")
            .map { try JSONDecoder().decode(JournalEntry.self, from: Data($0.utf8)) }
            .filter { $0.rollout == rollout }
    }

    private struct Format: Decodable { var format: Int }

    private func unreadable(_ why: String) -> Failure {
        Failure(
            .failed, "cannot read the ledger \(path)", because: why,
            next: "restore it from a backup, or move it away and run `convoy up`: instances that run are adopted")
    }
}
