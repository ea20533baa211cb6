import Fleet
import Foundation
import GRDB
import Ports

/// The file behind the ledger and the lease: SQLite with a write-ahead log, synced with each commit. Writers keep
/// one connection; whoever only reads opens the file for that moment, and makes none.
package actor LedgerDatabase {
    let path: String
    private let imported: ImportedLedger
    private var writer: DatabaseQueue?

    /// - Parameter legacyPath: where an older convoy kept its ledger.
    package init(path: String, legacyPath: String) {
        self.path = path
        imported = ImportedLedger(path: legacyPath)
    }

    /// Nil when nobody has written anything yet. Refuses, as `write` does, what has moved away.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value? {
        try await readWherever {
            try MovedTable.check($0)
            return try body($0)
        }
    }

    /// Also what has moved away.
    func readWherever<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value? {
        try await translating(.read) {
            if let writer { return try await writer.read(body) }
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            let queue = try DatabaseQueue(path: path, configuration: Self.configuration(readonly: true))
            let path = path
            return try await queue.read { db in
                try Self.isReady(db, path) ? try body(db) : nil
            }
        }
    }

    /// In one transaction that nobody else's write can come between. Throws `LedgerBusy` when one is under way for
    /// longer than a write takes.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await writeWherever {
            try MovedTable.check($0)
            return try body($0)
        }
    }

    /// Also to what has moved away.
    func writeWherever<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        try await translating(.write) { try await opened().write(body) }
    }

    /// What an older convoy left, as long as nobody has taken it over.
    nonisolated func legacy() throws -> LedgerRecord? { try imported.read() }

    private func opened() async throws -> DatabaseQueue {
        // Two that create it at once get in each other's way: SQLite does not wait while the log's mode is set.
        for _ in 0..<100 {
            if let writer { return writer }
            do {
                let queue = try open()
                writer = queue
                return queue
            } catch let error as DatabaseError where error.isBusy {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        throw DatabaseError(resultCode: .SQLITE_BUSY)
    }

    private func open() throws -> DatabaseQueue {
        try LedgerFile(path: path).create()
        let queue = try DatabaseQueue(path: path, configuration: Self.configuration(readonly: false))
        let path = path
        let isReady = try queue.read { db in
            guard try String.fetchOne(db, sql: "PRAGMA quick_check(1)") == "ok" else {
                throw LedgerFault.damaged(path, "it is damaged")
            }
            return try Self.isReady(db, path)
        }
        if !isReady {
            do {
                try LedgerSchema.migrator.migrate(queue)
            } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
                // Another made the tables a moment ago; if not, the next look tells.
                guard try queue.read({ try Self.isReady($0, path) }) else { throw error }
            }
        }
        try imported.take(into: queue)
        return queue
    }

    private static func isReady(_ db: Database, _ path: String) throws -> Bool {
        let migrator = LedgerSchema.migrator
        guard try db.tableExists("grdb_migrations") else { return false }
        let known = Set(migrator.migrations + [LedgerSchema.moved])
        let applied = try String.fetchSet(db, sql: "SELECT identifier FROM grdb_migrations")
        guard applied.isSubset(of: known) else { throw LedgerFault.newer(path) }
        return applied.isSuperset(of: migrator.migrations)
    }

    private static func configuration(readonly: Bool) -> Configuration {
        var configuration = Configuration()
        configuration.readonly = readonly
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            if !readonly { try db.execute(sql: "PRAGMA journal_mode = WAL") }
            try db.execute(sql: "PRAGMA synchronous = FULL")
        }
        return configuration
    }

    private func translating<Value>(
        _ wish: LedgerFault.Wish, _ body: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await body()
        } catch let error as DatabaseError where wish == .write && error.isBusy {
            throw LedgerBusy(path: path)
        } catch let error as DatabaseError {
            throw LedgerFault(path: path, wish: wish).failure(error)
        }
    }
}

extension DatabaseError {
    fileprivate var isBusy: Bool { [.SQLITE_BUSY, .SQLITE_LOCKED].contains(resultCode) }
}
