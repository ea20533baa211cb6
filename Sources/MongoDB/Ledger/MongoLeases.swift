import Fleet
import Foundation
import Planning
import Ports

/// A fleet's ledger and lease in the database `convoy_ledger`, for operators on many machines. Each change is one
/// atomic step that asks for the lease itself, by the database's clock, and is confirmed by a majority.
package struct MongoLeases: LedgerHome {
    let desk: LedgerDesk
    let witness: any LeaseWitness

    /// - Parameter uri: the connection string of a user with `readWrite` on `convoy_ledger` and no other right.
    package init(
        uri: Secret, fleet: String, witness: any LeaseWitness, clock: LedgerClock = .database,
        patience: LedgerPatience = LedgerPatience()
    ) {
        desk = LedgerDesk(
            uri: uri, collections: LedgerCollections(fleet: fleet, clock: clock), patience: patience)
        self.witness = witness
    }

    package static let database = LedgerCollections.database

    /// `host:port,host:port`, without user and password.
    package func servers() async throws -> String {
        try await desk.ask("find the ledger", within: 0) { $1.hosts }
    }

    package func ledger(under fence: Int?) -> any Ledger { MongoLedger(desk: desk, fence: fence) }

    package func acquire(_ holder: LeaseHolder, lifetime: Seconds) async throws -> OperatorLease {
        let (id, text) = (MongoConnection.freshID(), try StableJSON.text(holder))
        return try await desk.ask("take the fleet's lease", within: desk.patience.read) { [self] at, connection in
            for _ in 0..<LedgerDesk.rounds {
                guard let head = try at.head([], connection) else {
                    try at.create(connection)
                    continue
                }
                try head.checkServing()
                var machine = try head.machine()
                if head.term?.id == id, let own = machine.current(at: head.moment, isGone: { _ in false }) {
                    // The answer to the write was lost on its way.
                    return own
                }
                let isGone = isGone(head)
                let lease = try machine.acquire(holder, lifetime: lifetime, at: head.moment, isGone: isGone)
                let term: CommandDocument = [
                    "id": .string(id), "holder": ["$literal": .string(text)],
                    "boot": ["$literal": .string(witness.now().boot)], "takenAt": at.clock.now,
                    "heardAt": at.clock.now, "endsAt": Self.end(lifetime, at.clock),
                ]
                let update: CommandValue = [
                    // A term of before would lend its members to the new one.
                    ["$set": ["term": ["$literal": .null]]],
                    ["$set": ["fence": .integer(lease.fence), "term": .document(term)]],
                ]
                let isOver = try head.machine().term.map { isGone($0.holder) } ?? true
                if try at.change(where: free(head, isOver, at.clock), update, connection) { return lease }
            }
            throw LedgerDesk.crowd
        }
    }

    package func renew(_ fence: Int, lifetime: Seconds) async throws {
        // Once: the holder tries again by itself, and must not find its time gone meanwhile.
        try await desk.ask("say that this operator lives", within: 0) { at, connection in
            let update: CommandValue = [
                ["$set": ["term.heardAt": at.clock.now, "term.endsAt": Self.end(lifetime, at.clock)]]
            ]
            if try at.change(where: at.alive(fence), update, connection) { return }
            try Self.check(fence, try at.head([], connection))
            throw LedgerDesk.crowd
        }
    }

    package func release(_ fence: Int) async throws {
        try await desk.ask("give the lease back", within: 0) { at, connection in
            let update: CommandValue = ["$set": ["term": .null]]
            _ = try at.change(where: ["standing": "serving", "fence": .integer(fence)], update, connection)
        }
    }

    package func current() async throws -> OperatorLease? {
        try await desk.ask("see who is at work", within: desk.patience.read) { [self] at, connection in
            guard let head = try at.head([], connection) else { return nil }
            try head.checkServing()
            return try head.machine().current(at: head.moment, isGone: isGone(head))
        }
    }

    package func breakLease() async throws -> OperatorLease? {
        try await desk.ask("take the lease away", within: desk.patience.read) { [self] at, connection in
            for _ in 0..<LedgerDesk.rounds {
                guard let head = try at.head([], connection) else { return nil }
                try head.checkServing()
                guard let term = head.term else { return nil }
                let lease = try head.machine().current(at: head.moment, isGone: isGone(head))
                let same: CommandDocument = [
                    "standing": "serving", "fence": .integer(head.fence), "term.id": .string(term.id),
                ]
                if try at.change(where: same, ["$set": ["term": .null]], connection) { return lease }
            }
            throw LedgerDesk.crowd
        }
    }

    package func admit(_ fence: Int?) async throws {
        guard let fence else { throw Failure.namesNoLease }
        try await desk.ask("ask whose lease is good", within: desk.patience.read) { at, connection in
            try Self.check(fence, try at.head([], connection))
        }
    }

    static func check(_ fence: Int, _ head: LedgerHead?) throws {
        guard let head else { throw Failure.leaseIsLost(because: "the database knows no ledger of this fleet") }
        try head.checkServing()
        try head.machine().check(fence, at: head.moment)
    }

    /// Nothing was changed since `head`, and the term in it, if there is one, is over.
    private func free(_ head: LedgerHead, _ isOver: Bool, _ clock: LedgerClock) -> CommandDocument {
        var condition: CommandDocument = [
            "standing": "serving", "fence": .integer(head.fence),
            "term.id": head.term.map { .string($0.id) } ?? .null,
        ]
        if !isOver { condition.append("$expr", ["$lte": ["$term.endsAt", clock.now]]) }
        return condition
    }

    /// Only of this very boot: another machine may have the same name, and its processes the same numbers.
    private func isGone(_ head: LedgerHead) -> (LeaseHolder) -> Bool {
        { [witness] in head.term?.boot == witness.now().boot && witness.isGone($0) }
    }

    private static func end(_ lifetime: Seconds, _ clock: LedgerClock) -> CommandValue {
        ["$add": [clock.now, .integer(Int((lifetime.value * 1000).rounded()))]]
    }
}
