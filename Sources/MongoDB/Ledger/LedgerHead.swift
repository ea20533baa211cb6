import Fleet
import Foundation
import Planning
import Ports

/// The one document that a fleet's ledger is judged by: lease, standing, record and the journals of the newest
/// rollouts. One document, since only changes of one are atomic without a transaction, and each write has to ask for
/// the lease in the same step. Times are milliseconds since 1970, by the database's clock.
struct LedgerHead: Decodable {
    struct Term: Decodable {
        /// Of this one acquisition.
        var id: String
        /// A `LeaseHolder` as JSON.
        var holder: String
        var boot: String
        var takenAt: Double
        var heardAt: Double
        var endsAt: Double
    }

    var format: Int
    var standing: String
    /// Of the move that brought or took it.
    var ticket: String?
    var fence: Int
    var term: Term?
    /// Of the last write: the next one goes through only if it has seen this one, so that one which was given up
    /// and is carried out late changes nothing.
    var write: String
    /// Rollouts whose newest entries are in here.
    var rollouts: [Int]?
    /// Those that were asked for.
    var record: String?
    var journal: [JournalLine]?
    var now: Double

    var moment: LeaseMoment { LeaseMoment(boot: Self.boot, seconds: now / 1000) }

    /// The database goes on when a machine is started anew: for the judge all of it is one boot.
    private static let boot = "database"

    func machine() throws -> LeaseMachine {
        guard let term else { return LeaseMachine(fence: fence) }
        guard let holder = try? JSONDecoder().decode(LeaseHolder.self, from: Data(term.holder.utf8)) else {
            throw MongoFault(kind: .badDocument, code: 0, message: "its lease is damaged")
        }
        return LeaseMachine(
            fence: fence,
            term: LeaseMachine.Term(
                holder: holder, boot: Self.boot, takenAt: term.takenAt / 1000, heardAt: term.heardAt / 1000,
                endsAt: term.endsAt / 1000))
    }

    var place: LedgerStanding {
        switch standing {
        case "arriving": .arriving(ticket ?? "")
        case "left": .left(ticket ?? "")
        default: record == nil && rollouts?.isEmpty != false ? .empty : .serving
        }
    }

    func checkServing() throws {
        if let failure = Failure.ledger(at: .mongodb, is: place) { throw failure }
    }
}

/// A journal entry as the database keeps it.
struct JournalLine: Decodable {
    /// Of the write that brought it.
    var id: String
    var rollout: Int
    var index: Int
    var at: Double
    var step: String
    var mark: JournalEntry.Mark
    var detail: String

    var entry: JournalEntry {
        JournalEntry(rollout: rollout, index: index, at: at, step: step, mark: mark, detail: detail)
    }

    var value: CommandValue { Self.value(entry, id: id) }

    init(_ entry: JournalEntry, id: String) {
        self.id = id
        rollout = entry.rollout
        index = entry.index
        at = entry.at
        step = entry.step
        mark = entry.mark
        detail = entry.detail
    }

    static func value(_ entry: JournalEntry, id: String) -> CommandValue {
        [
            "id": .string(id), "rollout": .integer(entry.rollout), "index": .integer(entry.index),
            "at": .number(entry.at), "step": .string(entry.step), "mark": .string(entry.mark.rawValue),
            "detail": .string(entry.detail),
        ]
    }
}

/// The older part of a journal. Only ever grows.
struct JournalArchive: Decodable {
    var rollout: Int
    var lines: [JournalLine]?
}

struct CursorReply<Document: Decodable>: Decodable {
    struct Cursor: Decodable { var firstBatch: [Document] }
    var cursor: Cursor
}

struct WriteOutcome: Decodable {
    struct Hits: Decodable { var n: Int }
    struct Concern: Decodable { var errmsg: String? }
    struct WriteError: Decodable { var code: Int }

    var lastErrorObject: Hits?
    var writeErrors: [WriteError]?
    var writeConcernError: Concern?
}
