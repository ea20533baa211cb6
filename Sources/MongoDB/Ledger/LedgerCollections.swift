import Fleet
import Planning
import Ports

/// What is asked of the database about one fleet's ledger, over one connection. Reads what a majority has, and
/// returns from a write when a majority has it.
struct LedgerCollections: Sendable {
    static let database = "convoy_ledger"
    private static let heads = "fleets"
    static let journals = "journals"
    /// A journal is archived once as many newer rollouts are in the head.
    static let rolloutsInHead = 3

    let fleet: String
    let clock: LedgerClock

    /// Parts of the head beside those that every question needs.
    enum Part {
        case record
        /// The last line of that rollout alone.
        case lastLine(of: Int)
        case journal(of: Int)
        case wholeJournal
    }

    /// Nil where no such fleet is known.
    func head(_ parts: [Part], _ connection: borrowing MongoConnection) throws -> LedgerHead? {
        var wanted: CommandDocument = [
            "format": 1, "standing": 1, "ticket": 1, "fence": 1, "term": 1, "write": 1, "rollouts": 1,
            "now": clock.now,
        ]
        for part in parts {
            switch part {
            case .record: wanted.append("record", 1)
            case .wholeJournal: wanted.append("journal", 1)
            case .journal(let rollout): wanted.append("journal", Self.lines(of: rollout))
            case .lastLine(let rollout): wanted.append("journal", ["$slice": [Self.lines(of: rollout), -1]])
            }
        }
        let command: CommandDocument = [
            "aggregate": .string(Self.heads),
            "pipeline": [["$match": ["_id": .string(fleet)]], ["$project": .document(wanted)]], "cursor": [:],
            "readConcern": ["level": "majority"],
        ]
        let reply = try connection.run(command, on: Self.database, as: CursorReply<LedgerHead>.self)
        guard let head = reply.cursor.firstBatch.first else { return nil }
        guard head.format == 1 else {
            throw Failure(
                .failed, "cannot use the ledger of \(fleet) in the database", because: "it is of a newer convoy",
                next: "use the convoy that wrote it")
        }
        return head
    }

    /// Makes an empty one that serves; nothing happens when there is one.
    func create(_ connection: borrowing MongoConnection) throws {
        let document: CommandValue = [
            "_id": .string(fleet), "format": 1, "standing": "serving", "fence": 0, "term": .null, "write": "",
            "rollouts": [], "journal": [],
        ]
        try write(["insert": .string(Self.heads), "documents": [document]], connection)
    }

    /// One atomic step. False when `condition` did not hold.
    func change(
        where condition: CommandDocument, _ update: CommandValue, isUpsert: Bool = false,
        _ connection: borrowing MongoConnection
    ) throws -> Bool {
        var query: CommandDocument = ["_id": .string(fleet)]
        query.append(contentsOf: condition)
        let command: CommandDocument = [
            "findAndModify": .string(Self.heads), "query": .document(query), "update": update,
            "upsert": .bool(isUpsert), "fields": ["_id": 1],
        ]
        do {
            return try write(command, connection).lastErrorObject?.n == 1
        } catch let fault as MongoFault where fault.isServerError(MongoFault.duplicateKey) {
            // An upsert whose condition does not hold wants to make a second one.
            return false
        }
    }

    var serving: CommandDocument { ["standing": "serving"] }

    /// That the term of that fence runs.
    func alive(_ fence: Int) -> CommandDocument {
        ["standing": "serving", "fence": .integer(fence), "$expr": ["$gt": ["$term.endsAt", clock.now]]]
    }

    private static func lines(of rollout: Int) -> CommandValue {
        ["$filter": ["input": "$journal", "cond": ["$eq": ["$$this.rollout", .integer(rollout)]]]]
    }

    @discardableResult
    func write(_ command: CommandDocument, _ connection: borrowing MongoConnection) throws -> WriteOutcome {
        var durable = command
        durable.append("writeConcern", ["w": "majority", "wtimeout": 2000])
        let outcome = try connection.run(durable, on: Self.database, as: WriteOutcome.self)
        if let error = outcome.writeErrors?.first, error.code != MongoFault.duplicateKey {
            throw MongoFault(kind: .server, code: error.code, message: "the write was refused")
        }
        guard outcome.writeConcernError == nil else {
            throw MongoFault(
                kind: .unreachable, code: 0, message: "it was written, but no majority of the members confirmed it")
        }
        return outcome
    }
}
