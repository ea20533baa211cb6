import Fleet
import Foundation
import GRDB
import Ports

/// The ledger of an older convoy: one JSON file. It is taken over once, and then kept under another name.
struct ImportedLedger: Sendable {
    let path: String

    /// Nil when there is none.
    func read() throws -> LedgerRecord? {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            throw LedgerFault.damaged(path, "it can't be opened")
        }
        do {
            // Alone and first: what else a newer one holds is not known here.
            guard try JSONDecoder().decode(Format.self, from: bytes).format == 1 else { throw LedgerFault.newer(path) }
            return try JSONDecoder().decode(LedgerRecord.self, from: bytes)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw LedgerFault.damaged(path, "it is damaged")
        }
    }

    /// Cut between the two steps, the next one finds that it is taken over already.
    func take(into queue: DatabaseQueue) throws {
        guard let old = try read() else { return }
        try queue.write { db in
            guard let known = try RecordTable.load(db) else { return try RecordTable.save(old, in: db) }
            guard known == old else { throw disagreement(with: queue.path) }
        }
        guard rename(path, path + ".imported") == 0 else {
            throw Failure(
                .failed, "cannot put the old ledger \(path) aside", because: String(cString: strerror(errno)),
                next: "rename it to \(path).imported")
        }
    }

    private struct Format: Decodable { var format: Int }

    /// Both were written by somebody who believed to be the only one: nobody but a person can tell who was right.
    private func disagreement(with other: String) -> Failure {
        Failure(
            .failed, "there are two ledgers", because: "an older convoy has written \(path) beside \(other)",
            next: "move away the one that is not true (`convoy status` tells what runs), and run this again")
    }
}
