import Fleet
import Foundation
import Ports

/// The record as the text that it is kept as, and journals from their two places.
enum LedgerText {
    static func text(_ record: LedgerRecord) throws -> String {
        var kept = record
        kept.audit = record.audit.suffix(MongoLedger.longestAudit)
        return try StableJSON.text(kept)
    }

    /// - Parameter text: nil before the first save.
    static func record(_ text: String?) throws -> LedgerRecord {
        guard let text else { return LedgerRecord() }
        let bytes = Data(text.utf8)
        guard let format = try? JSONDecoder().decode(Format.self, from: bytes).format else {
            throw damaged
        }
        guard format == 1 else {
            throw Failure(
                .failed, "cannot read the ledger in the database", because: "it is of a newer convoy",
                next: "use the convoy that wrote it")
        }
        guard let record = try? JSONDecoder().decode(LedgerRecord.self, from: bytes) else { throw damaged }
        return record
    }

    /// In order; a line that is in both is one.
    static func merged(_ archive: [JournalLine], _ head: [JournalLine]?) -> [JournalLine] {
        let last = archive.last?.index ?? 0
        return archive + (head ?? []).filter { $0.index > last }
    }

    private struct Format: Decodable { var format: Int }

    /// Law 8: kept as it is, and nothing is done on its word.
    private static var damaged: Failure {
        Failure(
            .failed, "cannot read the ledger in the database", because: "its record is damaged",
            next: "restore the database \(LedgerCollections.database) from a backup")
    }
}
