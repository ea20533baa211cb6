import Fleet
import Planning
import Ports

/// The database as a place that a ledger moves from or to.
package struct MongoBerth: LedgerBerth {
    private let desk: LedgerDesk

    package init(_ leases: MongoLeases) { desk = leases.desk }

    package func standing() async throws -> LedgerStanding {
        try await desk.ask("look at the ledger", within: desk.patience.read) { at, connection in
            try at.head([.record], connection)?.place ?? .empty
        }
    }

    package func cargo() async throws -> LedgerCargo {
        try await desk.ask("copy the ledger", within: desk.patience.read) { at, connection in
            guard let head = try at.head([.record, .wholeJournal], connection) else {
                return LedgerCargo(fence: 0, record: LedgerRecord(), journals: [:])
            }
            let lines = Dictionary(grouping: head.journal ?? [], by: \.rollout)
            var journals = lines.mapValues { $0.map(\.entry) }
            for archive in try at.archives(connection, lines: true) {
                let merged = LedgerText.merged(archive.lines ?? [], lines[archive.rollout])
                journals[archive.rollout] = merged.map(\.entry)
            }
            return LedgerCargo(fence: head.fence, record: try LedgerText.record(head.record), journals: journals)
        }
    }

    package func stow(_ cargo: LedgerCargo, by ticket: String) async throws {
        let record = try LedgerText.text(cargo.record)
        let write = MongoConnection.freshID()
        try await desk.ask("write the ledger", within: desk.patience.write) { at, connection in
            let isNotServing: CommandValue = [["standing": ["$in": ["arriving", "left"]]], ["record": .null]]
            let update: CommandValue = [
                "$set": [
                    "format": 1, "standing": "arriving", "ticket": .string(ticket), "term": .null,
                    "write": .string(write), "record": .string(record), "journal": [], "rollouts": [],
                ],
                "$max": ["fence": .integer(cargo.fence)],
            ]
            guard try at.change(where: ["$or": isNotServing], update, isUpsert: true, connection) else {
                throw Failure(
                    .failed, "cannot move the ledger to \(LedgerPlace.mongodb.words)",
                    because: "one that serves is there already", next: "`convoy ledger show` tells more")
            }
            // What a move of before left behind is longer, perhaps, and would stay.
            try at.forget(below: Int(Int32.max), connection)
            for (rollout, entries) in cargo.journals {
                let lines = entries.map { JournalLine($0, id: write) }
                try at.keep(lines, of: rollout, connection)
            }
        }
    }

    package func leave(by ticket: String, under fence: Int) async throws {
        try await desk.ask("mark the ledger as moved", within: desk.patience.write) { at, connection in
            let update: CommandValue = [
                "$set": ["standing": "left", "ticket": .string(ticket), "term": .null]
            ]
            if try at.change(where: at.alive(fence), update, connection) { return }
            let head = try at.head([.record], connection)
            if head?.place == .left(ticket) { return }
            try MongoLeases.check(fence, head)
            throw LedgerDesk.crowd
        }
    }

    package func open(by ticket: String) async throws {
        try await desk.ask("open the ledger", within: desk.patience.write) { at, connection in
            let arrived: CommandDocument = ["standing": "arriving", "ticket": .string(ticket)]
            if try at.change(where: arrived, ["$set": ["standing": "serving"]], connection) { return }
            let head = try at.head([.record], connection)
            guard head?.standing == "serving", head?.ticket == ticket else {
                throw Failure(
                    .failed, "cannot open the ledger in \(LedgerPlace.mongodb.words)",
                    because: "another move has been at work on it since", next: "`convoy ledger show` tells more")
            }
        }
    }
}
