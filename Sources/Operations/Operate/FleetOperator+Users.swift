import Fleet
import Planning
import Ports

/// A user of the database under the fleet's name, and what is to be said of it.
package struct UserAccount: Sendable, Equatable {
    package var name: String
    /// Whose it is; nil for one that no instance has.
    package var instance: String?
    /// What the database says it holds, sorted; empty for one that is missing there.
    package var grants: [DatabaseGrant]
    package var proof: ProofStatus?
    /// What is wrong with it; empty when nothing is.
    package var fault: String
}

extension FleetOperator {
    /// Every user of the database under the fleet's name, with a proof taken just now.
    package func users() async throws -> [UserAccount] {
        guard try await ports.ledger.load().current != nil else { throw notUp("verify its users") }
        try await ports.control.check()
        let report = try await ports.control.status(newerThan: nil, timeout: 0)
        let status = Dictionary(report.status.instances.map { ($0.name, $0) }) { first, _ in first }
        let wished = report.generations.flatMap(\.instances).compactMap { instance in
            instance.proof.map { (instance.name, $0) }
        }
        let databases = Set(wished.flatMap(\.1.grants).map(\.database)).sorted()
        let holdings = try await credentials.holdings(databases) ?? []
        // Convoy's live in admin; one elsewhere is never an instance's.
        let held = Dictionary(
            holdings.filter { $0.database == ProofJudge.userDatabase }.map { ($0.name, $0) }
        ) { first, _ in first }
        let known = Set(wished.map(\.1.user))
        let own = wished.map { instance, proof in
            let grants = held[proof.user]?.grants
            let verdict = status[instance]?.proof
            return UserAccount(
                name: proof.user, instance: instance, grants: grants ?? [], proof: verdict,
                fault: Self.fault(wish: proof.grants, held: grants, verdict))
        }
        let strangers = holdings.filter { $0.database != ProofJudge.userDatabase || !known.contains($0.name) }.map {
            UserAccount(
                name: $0.database == ProofJudge.userDatabase ? $0.name : "\($0.database).\($0.name)", instance: nil,
                grants: $0.grants, proof: nil, fault: "no instance has it")
        }
        return (own + strangers).sorted { $0.name < $1.name }
    }

    private static func fault(wish: [DatabaseGrant], held: [DatabaseGrant]?, _ proof: ProofStatus?) -> String {
        guard let held else { return "it is missing in the database" }
        let extra = Set(held).subtracting(wish).map { "\($0.role) on \($0.database) too many" }
        let missing = Set(wish).subtracting(held).map { "\($0.role) on \($0.database) missing" }
        guard extra.isEmpty, missing.isEmpty else { return (extra.sorted() + missing.sorted()).joined(separator: ", ") }
        return proof.map(\.verdict.reason) ?? "never proved"
    }

    /// Gives each instance a new user and password, by a new generation of what runs now: the old users are
    /// taken away once their instances are drained.
    package func rotateUsers() async throws -> Result {
        let record = try await ports.ledger.load()
        guard let current = record.current else { throw notUp("rotate its users") }
        guard current.instances.contains(where: { $0.proof != nil }) else {
            throw Failure(
                .failed, "cannot rotate the users", because: "no instance of \(context.spec.name) has one",
                next: "nothing has to be done: profile \(context.profile.name) needs no database")
        }
        return try await converge(verb: "users rotate") { wish in
            guard wish != current.wish else { return }
            throw Failure(
                .failed, "cannot rotate only the users", because: "fleet.yaml has changes that are not up",
                next: "see `convoy plan`; `convoy up` makes a new generation, which gets new users, too")
        }
    }
}
