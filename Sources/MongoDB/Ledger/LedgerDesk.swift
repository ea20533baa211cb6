import Fleet
import Planning

/// How long a ledger's question waits for a database that is away, together with what a blocked call takes
/// (`MongoTimeouts`).
package struct LedgerPatience: Sendable, Equatable {
    package var read: Seconds
    /// An election must not end a rollout.
    package var write: Seconds
    package var call: MongoTimeouts

    package init(
        read: Seconds = 2, write: Seconds = 12,
        call: MongoTimeouts = MongoTimeouts(selection: 3, connect: 2, answer: 3, total: 5)
    ) {
        self.read = read
        self.write = write
        self.call = call
    }
}

/// Asks the database, again while it is away for a moment. Every question can be asked twice: a lost answer to a
/// write is found out by the write's id.
struct LedgerDesk: Sendable {
    /// How often a change is tried that others come between.
    static let rounds = 25

    let uri: Secret
    let collections: LedgerCollections
    let patience: LedgerPatience

    func ask<Value: Sendable>(
        _ task: String, within patience: Seconds,
        _ job: @escaping @Sendable (LedgerCollections, borrowing MongoConnection) throws -> Value
    ) async throws -> Value {
        let end = ContinuousClock.now + patience.duration
        while true {
            do {
                return try await MongoConnection.use(
                    uri, timeouts: self.patience.call, task: task, words: Self.words
                ) { [collections] connection in try job(collections, connection) }
            } catch let failure as Failure where failure.code == .unavailable && ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    static let crowd = MongoFault(kind: .unreachable, code: 0, message: "others change the ledger all the time")

    /// A ledger's user is not an instance's, and what is missing when the database is away is something else.
    @Sendable private static func words(_ fault: MongoFault, _ task: String, _ place: String) -> Failure {
        var failure = fault.failure(task: task, place: place)
        switch fault.kind {
        case .badURI:
            failure.next = "correct the file that `ledger` in fleet.yaml names (its content is not shown)"
        case .unreachable: failure.next = "bring the ledger's database back; the fleet serves on meanwhile, unchanged"
        case .loginRefused: failure.next = "`convoy ledger user` makes the ledger's user anew, with a new password"
        case .server where fault.code == MongoFault.unauthorized:
            failure.next =
                "give that user the role readWrite on \(LedgerCollections.database), or run "
                + "`convoy ledger user`"
        case .server, .badDocument: break
        }
        return failure
    }
}
