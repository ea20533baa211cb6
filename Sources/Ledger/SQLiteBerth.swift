import Fleet
import GRDB
import Planning
import Ports

/// The file as a place that a ledger moves from or to.
package struct SQLiteBerth: LedgerBerth {
    private let database: LedgerDatabase
    private let witness: any LeaseWitness

    package init(_ leases: SQLiteLeases) {
        database = leases.database
        witness = leases.witness
    }

    package func standing() async throws -> LedgerStanding {
        let found = try await database.readWherever { db -> LedgerStanding in
            if let moved = try MovedTable.standing(db) { return moved }
            let entries = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM journal") ?? 0
            return try RecordTable.load(db) == nil && entries == 0 ? .empty : .serving
        }
        if let found { return found }
        return try database.legacy() == nil ? .empty : .serving
    }

    package func cargo() async throws -> LedgerCargo {
        let found = try await database.readWherever { db in
            let rollouts = try Int.fetchAll(db, sql: "SELECT DISTINCT rollout FROM journal")
            let journals = try rollouts.map { ($0, try JournalTable.entries(of: $0, in: db)) }
            return LedgerCargo(
                fence: try LeaseTable.load(db).fence, record: try RecordTable.load(db) ?? LedgerRecord(),
                journals: Dictionary(uniqueKeysWithValues: journals))
        }
        return found ?? LedgerCargo(fence: 0, record: LedgerRecord(), journals: [:])
    }

    package func stow(_ cargo: LedgerCargo, by ticket: String) async throws {
        try await change { db in
            let isServing = try MovedTable.standing(db) == nil && RecordTable.load(db) != nil
            guard !isServing else { throw refusal("one that serves is there already") }
            let fence = max(try LeaseTable.load(db).fence, cargo.fence)
            try LeaseTable.save(LeaseMachine(fence: fence), in: db)
            try RecordTable.save(cargo.record, in: db)
            try JournalTable.replace(by: cargo.journals.values.joined(), in: db)
            try MovedTable.set("arriving", ticket, in: db)
        }
    }

    package func leave(by ticket: String, under fence: Int) async throws {
        try await change { [witness] db in
            if try MovedTable.standing(db) == .left(ticket) { return }
            try MovedTable.check(db)
            let machine = try LeaseTable.load(db)
            try machine.check(fence, at: witness.now())
            try LeaseTable.save(LeaseMachine(fence: machine.fence), in: db)
            try MovedTable.set("left", ticket, in: db)
        }
    }

    package func open(by ticket: String) async throws {
        try await change { db in
            switch try MovedTable.standing(db) {
            case .arriving(ticket), nil: try MovedTable.clear(in: db)
            default: throw refusal("another move has been at work on it since")
            }
        }
    }

    private func change(_ body: @escaping @Sendable (Database) throws -> Void) async throws {
        do {
            try await database.writeWherever(body)
        } catch let busy as LedgerBusy {
            throw await database.failure(busy, witness)
        }
    }
}

private func refusal(_ why: String) -> Failure {
    Failure(
        .failed, "cannot move the ledger to \(LedgerPlace.file.words)", because: why,
        next: "`convoy ledger show` tells more")
}
