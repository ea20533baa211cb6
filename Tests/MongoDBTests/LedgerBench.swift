import Fleet
import Foundation
import LedgerContract
import Ports

@testable import MongoDB

/// Ledgers in a real database, each of a fleet of its own, written by a user with rights on nothing else.
struct LedgerBench: Sendable {
    static let user = "convoy-ledger-test"
    static let password = Secret("hush-ledger-4711")

    let database: RealDatabase
    let uri: Secret

    static func with(_ body: (LedgerBench) async throws -> Void) async throws {
        try await RealDatabase.with { database in
            let grant = DatabaseGrant(database: MongoLeases.database, role: "readWrite")
            _ = try await MongoUserDirectory(adminURI: database.rootURI).ensure(
                user, password: password, grants: [grant])
            let uri = "mongodb://\(user):\(password.reveal())@127.0.0.1:\(database.port)/?authSource=admin"
            try await body(LedgerBench(database: database, uri: Secret(uri)))
        }
    }

    /// Over a clock that the test turns.
    func stage(_ fleet: String) -> (LedgerStage, MongoBerth) {
        let witness = HandWitness()
        let leases = MongoLeases(uri: uri, fleet: fleet, witness: witness, clock: .hand { witness.elsewhere() })
        return (LedgerStage(witness: witness, leases: leases, endsWithBoot: false), MongoBerth(leases))
    }

    /// As operators have it: by the database's clock.
    func leases(
        _ fleet: String, uri: Secret? = nil, patience: LedgerPatience = .brief, _ witness: HandWitness = HandWitness()
    ) -> MongoLeases {
        MongoLeases(uri: uri ?? self.uri, fleet: fleet, witness: witness, patience: patience)
    }
}

extension LedgerPatience {
    static let brief = LedgerPatience(
        read: 0.5, write: 1, call: MongoTimeouts(selection: 1, connect: 1, answer: 1, total: 2))
}
