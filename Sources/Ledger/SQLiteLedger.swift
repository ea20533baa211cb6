import Fleet
import GRDB
import Planning
import Ports

/// The ledger of a fleet on one machine. Each write first asks, in its own transaction, whether the lease that it is
/// begun under still is the one that is held.
package struct SQLiteLedger: Ledger {
    let database: LedgerDatabase
    let witness: any LeaseWitness
    /// Nil: for reading only.
    let fence: Int?

    package func load() async throws -> LedgerRecord {
        if let record = try await database.read({ try RecordTable.load($0) }) ?? nil { return record }
        return try database.legacy() ?? LedgerRecord()
    }

    package func save(_ record: LedgerRecord) async throws {
        try await write { try RecordTable.save(record, in: $0) }
    }

    @discardableResult
    package func append(_ entry: JournalEntry) async throws -> Int {
        try await write { try JournalTable.append(entry, in: $0) }
    }

    package func journal(of rollout: Int) async throws -> [JournalEntry] {
        try await database.read { try JournalTable.entries(of: rollout, in: $0) } ?? []
    }

    private func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        guard let fence else { throw Failure.leaseIsLost(because: "this command never had one") }
        do {
            return try await database.write { [witness] db in
                try LeaseTable.load(db).check(fence, at: witness.now())
                return try body(db)
            }
        } catch let busy as LedgerBusy {
            throw await database.failure(busy, witness, own: fence)
        }
    }
}
