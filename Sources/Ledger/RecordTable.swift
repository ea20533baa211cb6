import Fleet
import Foundation
import GRDB
import Planning
import Ports

/// The record is one JSON text; its audit is rows, so that a save writes what is new only.
enum RecordTable {
    static let longestAudit = 500

    /// Nil before the first save.
    static func load(_ db: Database) throws -> LedgerRecord? {
        guard let text = try String.fetchOne(db, sql: "SELECT content FROM record") else { return nil }
        let bytes = Data(text.utf8)
        guard let format = try? JSONDecoder().decode(Format.self, from: bytes).format else {
            throw LedgerFault.damaged(path(db), "its record is damaged")
        }
        guard format == 1 else { throw LedgerFault.newer(path(db)) }
        guard var record = try? JSONDecoder().decode(LedgerRecord.self, from: bytes) else {
            throw LedgerFault.damaged(path(db), "its record is damaged")
        }
        record.audit = try audit(db)
        return record
    }

    static func save(_ record: LedgerRecord, in db: Database) throws {
        var bare = record
        bare.audit = []
        try db.execute(
            sql: """
                INSERT INTO record (id, content) VALUES (1, ?)
                ON CONFLICT (id) DO UPDATE SET content = excluded.content
                """,
            arguments: [try StableJSON.text(bare)])
        try saveAudit(record.audit.suffix(longestAudit), in: db)
    }

    private static func saveAudit(_ wish: ArraySlice<LedgerRecord.AuditEntry>, in db: Database) throws {
        let known = try audit(db)
        // The common case: some rows more, perhaps some old ones less.
        let kept = (0...known.count).first { wish.starts(with: known[$0...]) } ?? known.count
        if kept > 0 {
            try db.execute(
                sql: "DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?)", arguments: [kept])
        }
        for entry in wish.dropFirst(known.count - kept) {
            try db.execute(
                sql: "INSERT INTO audit (at, verb, outcome) VALUES (?, ?, ?)",
                arguments: [entry.at, entry.verb, entry.outcome])
        }
    }

    private static func audit(_ db: Database) throws -> [LedgerRecord.AuditEntry] {
        try Row.fetchAll(db, sql: "SELECT at, verb, outcome FROM audit ORDER BY id").map {
            LedgerRecord.AuditEntry(at: $0["at"], verb: $0["verb"], outcome: $0["outcome"])
        }
    }

    private struct Format: Decodable { var format: Int }
}

enum JournalTable {
    /// Of older rollouts nobody asks any more.
    static let keptRollouts = 100

    static func append(_ entry: JournalEntry, in db: Database) throws -> Int {
        let last = try Int.fetchOne(
            db, sql: #"SELECT MAX("index") FROM journal WHERE rollout = ?"#, arguments: [entry.rollout])
        let number = (last ?? 0) + 1
        var numbered = entry
        numbered.index = number
        try insert(numbered, in: db)
        if number == 1 {
            try db.execute(
                sql: """
                    DELETE FROM journal WHERE rollout NOT IN
                    (SELECT DISTINCT rollout FROM journal ORDER BY rollout DESC LIMIT ?)
                    """, arguments: [keptRollouts])
        }
        return number
    }

    static func replace(by entries: some Sequence<JournalEntry>, in db: Database) throws {
        try db.execute(sql: "DELETE FROM journal")
        for entry in entries { try insert(entry, in: db) }
    }

    private static func insert(_ entry: JournalEntry, in db: Database) throws {
        try db.execute(
            sql: #"INSERT INTO journal (rollout, "index", at, step, mark, detail) VALUES (?, ?, ?, ?, ?, ?)"#,
            arguments: [entry.rollout, entry.index, entry.at, entry.step, entry.mark.rawValue, entry.detail])
    }

    static func entries(of rollout: Int, in db: Database) throws -> [JournalEntry] {
        try Row.fetchAll(db, sql: #"SELECT * FROM journal WHERE rollout = ? ORDER BY "index""#, arguments: [rollout])
            .map {
                guard let mark = JournalEntry.Mark(rawValue: $0["mark"]) else {
                    throw LedgerFault.damaged(path(db), "its journal is damaged")
                }
                return JournalEntry(
                    rollout: $0["rollout"], index: $0["index"], at: $0["at"], step: $0["step"], mark: mark,
                    detail: $0["detail"])
            }
    }
}

enum LeaseTable {
    static func load(_ db: Database) throws -> LeaseMachine {
        guard let row = try Row.fetchOne(db, sql: "SELECT fence, term FROM lease") else {
            throw LedgerFault.damaged(path(db), "its lease is missing")
        }
        guard let text = row["term"] as String? else { return LeaseMachine(fence: row["fence"]) }
        guard let term = try? JSONDecoder().decode(LeaseMachine.Term.self, from: Data(text.utf8)) else {
            throw LedgerFault.damaged(path(db), "its lease is damaged")
        }
        return LeaseMachine(fence: row["fence"], term: term)
    }

    static func save(_ machine: LeaseMachine, in db: Database) throws {
        try db.execute(
            sql: "UPDATE lease SET fence = ?, term = ?",
            arguments: [machine.fence, try machine.term.map { try StableJSON.text($0) }])
    }
}

/// Whether the ledger is here at all.
enum MovedTable {
    static func standing(_ db: Database) throws -> LedgerStanding? {
        guard try db.tableExists("moved"), let row = try Row.fetchOne(db, sql: "SELECT * FROM moved") else {
            return nil
        }
        return row["standing"] == "left" ? .left(row["ticket"]) : .arriving(row["ticket"])
    }

    static func check(_ db: Database) throws {
        if let standing = try standing(db), let failure = Failure.ledger(at: .file, is: standing) { throw failure }
    }

    static func set(_ standing: String, _ ticket: String, in db: Database) throws {
        try db.execute(sql: LedgerSchema.movedTable)
        try db.execute(
            sql: "INSERT OR REPLACE INTO moved (id, standing, ticket) VALUES (1, ?, ?)", arguments: [standing, ticket])
        try db.execute(
            sql: "INSERT OR IGNORE INTO grdb_migrations (identifier) VALUES (?)", arguments: [LedgerSchema.moved])
    }

    static func clear(in db: Database) throws {
        try db.execute(sql: "DROP TABLE IF EXISTS moved")
        try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier = ?", arguments: [LedgerSchema.moved])
    }
}

private func path(_ db: Database) -> String {
    (try? String.fetchOne(db, sql: "SELECT file FROM pragma_database_list WHERE name = 'main'")) ?? "ledger.db"
}
