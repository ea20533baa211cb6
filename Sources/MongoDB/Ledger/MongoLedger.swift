import Fleet
import Foundation
import Planning
import Ports

/// The ledger of a fleet in the database: written only under the lease of its fence.
struct MongoLedger: Ledger {
    static let longestAudit = 500
    /// Of older rollouts nobody asks any more.
    static let keptRollouts = 100

    let desk: LedgerDesk
    /// Nil: for reading only.
    let fence: Int?

    func load() async throws -> LedgerRecord {
        try await desk.ask("read the ledger", within: desk.patience.read) { at, connection in
            guard let head = try at.head([.record], connection) else { return LedgerRecord() }
            try head.checkServing()
            return try LedgerText.record(head.record)
        }
    }

    func save(_ record: LedgerRecord) async throws {
        let text = try LedgerText.text(record)
        try await write("write the ledger") { _, _, _ in (["$set": ["record": .string(text)]], ()) }
    }

    @discardableResult
    func append(_ entry: JournalEntry) async throws -> Int {
        let rollout = entry.rollout
        let index = try await write("write the ledger's journal", after: rollout) { head, id, last in
            if let own = head.journal?.last, own.id == id { return (nil, own.index) }
            var line = entry
            line.index = last + 1
            let update: CommandDocument = [
                "$push": ["journal": JournalLine.value(line, id: id)],
                "$addToSet": ["rollouts": .integer(rollout)],
            ]
            return (update, line.index)
        }
        if index == 1 { await tidy(after: rollout) }
        return index
    }

    func journal(of rollout: Int) async throws -> [JournalEntry] {
        try await desk.ask("read the ledger's journal", within: desk.patience.read) { at, connection in
            // In this order: a line moves from the head to the archive, and never back.
            guard let head = try at.head([.journal(of: rollout)], connection) else { return [] }
            try head.checkServing()
            return try LedgerText.merged(at.archive(of: rollout, connection), head.journal).map(\.entry)
        }
    }

    /// What is to be changed, if anything still is, and the result.
    /// - Parameter last: index of the last entry of the rollout that was asked about.
    private typealias Change<Value> =
        @Sendable (
            _ head: LedgerHead, _ id: String, _ last: Int
        ) throws -> (update: CommandDocument?, value: Value)

    private func write<Value: Sendable>(
        _ task: String, after rollout: Int? = nil, _ change: @escaping Change<Value>
    ) async throws -> Value {
        guard let fence else { throw Failure.leaseIsLost(because: "this command never had one") }
        let id = MongoConnection.freshID()
        return try await desk.ask(task, within: desk.patience.write) { at, connection in
            for _ in 0..<LedgerDesk.rounds {
                let head = try at.head(rollout.map { [.lastLine(of: $0)] } ?? [], connection)
                try MongoLeases.check(fence, head)
                guard let head else { break }
                var last = head.journal?.last?.index
                if let rollout, last == nil { last = try at.archive(of: rollout, connection).last?.index }
                let (update, value) = try change(head, id, last ?? 0)
                // Its answer was lost on the way, and it was carried out.
                guard head.write != id, var update else { return value }
                update.merge("$set", "write", .string(id))
                var condition = at.alive(fence)
                condition.append("write", .string(head.write))
                if try at.change(where: condition, .document(update), connection) { return value }
            }
            throw LedgerDesk.crowd
        }
    }

    /// Journals of older rollouts out of the head, and those of very old ones away. If it can't be done now, the next
    /// rollout does it.
    private func tidy(after rollout: Int) async {
        guard let fence else { return }
        try? await desk.ask("tidy the ledger's journal", within: 0) { at, connection in
            guard let head = try at.head([], connection) else { return }
            let others = (head.rollouts ?? []).filter { $0 != rollout }.sorted()
            for old in others.dropLast(LedgerCollections.rolloutsInHead - 1) {
                let lines = try at.head([.journal(of: old)], connection)?.journal
                let all = try LedgerText.merged(at.archive(of: old, connection), lines)
                try at.keep(all, of: old, connection)
                let moved: CommandValue = ["rollout": .integer(old), "index": ["$lte": .integer(all.last?.index ?? 0)]]
                var condition = at.alive(fence)
                // Nothing was added to it since we looked.
                condition.append(
                    "journal",
                    [
                        "$not": [
                            "$elemMatch": [
                                "rollout": .integer(old), "index": ["$gt": .integer(all.last?.index ?? 0)],
                            ]
                        ]
                    ])
                let update: CommandValue = ["$pull": ["journal": moved, "rollouts": .integer(old)]]
                _ = try at.change(where: condition, update, connection)
            }
            let archived = try at.archives(connection, lines: false).map(\.rollout)
            let known = Set(archived + (head.rollouts ?? [])).sorted()
            if known.count > Self.keptRollouts {
                try at.forget(below: known[known.count - Self.keptRollouts], connection)
            }
        }
    }
}
