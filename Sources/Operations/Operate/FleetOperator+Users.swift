import Fleet
import Planning
import Ports

/// A user of the database under the fleet's name, and what is to be said of it.
package struct UserAccount: Sendable, Equatable {
    package var name: String
    /// Whose it is; nil for one that no instance has.
    package var instance: String?
    /// Where that is; nil on a fleet of one host.
    package var host: String?
    /// What the database says it holds, sorted; empty for one that is missing there.
    package var grants: [DatabaseGrant]
    package var proof: ProofStatus?
    /// What is wrong with it; empty when nothing is.
    package var fault: String
    /// Nothing is known to be wrong, but the host that proves it does not answer.
    package var isUnseen = false
}

extension LedgerRecord {
    /// All whose instances may be there.
    var plans: [GenerationPlan] { [current, next, scaling?.target].compactMap(\.self) }
}

extension FleetOperator {
    /// Every user of the database under the fleet's name, with a proof taken just now.
    package func users() async throws -> [UserAccount] {
        let record = try await ports.ledger.load()
        guard record.current != nil else { throw notUp("verify its users") }
        try await checkThoseThatAnswer()
        let report = try await ports.control.status(newerThan: nil, timeout: 0)
        let silent = Set(report.status.hosts.filter { !$0.answers }.map(\.name))
        let status = Dictionary(
            report.status.instances.filter { !silent.contains($0.host) }.map { ($0.name, $0) }
        ) { first, _ in first }
        let planned = report.generations + (silent.isEmpty ? [] : record.plans)
        let all = Dictionary(planned.flatMap(\.instances).map { ($0.name, $0) }) { first, _ in first }
        let wished = all.values.sorted { $0.name < $1.name }.compactMap { instance in
            instance.proof.map { (instance, $0) }
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
            let verdict = status[instance.name]?.proof
            let isSilent = silent.contains(instance.host)
            var fault = Self.fault(wish: proof.grants, held: grants, verdict)
            // The database's words count all the same.
            if isSilent, verdict == nil, fault == Self.unproved {
                fault = "not proved: \(instance.host) does not answer"
            }
            return UserAccount(
                name: proof.user, instance: instance.name, host: isSpread ? instance.host : nil, grants: grants ?? [],
                proof: verdict, fault: fault, isUnseen: isSilent && fault.hasPrefix("not proved: "))
        }
        let strangers = holdings.filter { $0.database != ProofJudge.userDatabase || !known.contains($0.name) }.map {
            UserAccount(
                name: $0.database == ProofJudge.userDatabase ? $0.name : "\($0.database).\($0.name)", instance: nil,
                host: nil, grants: $0.grants, proof: nil, fault: "no instance has it")
        }
        return (own + strangers).sorted { $0.name < $1.name }
    }

    private static func fault(wish: [DatabaseGrant], held: [DatabaseGrant]?, _ proof: ProofStatus?) -> String {
        guard let held else { return "it is missing in the database" }
        let extra = Set(held).subtracting(wish).map { "\($0.role) on \($0.database) too many" }
        let missing = Set(wish).subtracting(held).map { "\($0.role) on \($0.database) missing" }
        guard extra.isEmpty, missing.isEmpty else { return (extra.sorted() + missing.sorted()).joined(separator: ", ") }
        return proof.map(\.verdict.reason) ?? unproved
    }

    private static let unproved = "never proved"
    private var isSpread: Bool { context.spec.spansHosts }

    /// A host that is away must not keep the others from being looked at: who is away is in the report.
    private func checkThoseThatAnswer() async throws {
        do { try await ports.control.check() } catch let failure as Failure where failure.code == .unavailable {
            guard isSpread else { throw failure }
        }
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
