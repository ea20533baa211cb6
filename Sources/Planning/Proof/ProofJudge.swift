import Fleet

/// Decides whether what a database user's own connection shows proves that the user can only read,
/// and only what it was granted. Fails closed: what can't be judged is `unverified`, and a sign of
/// writing anywhere (`refuted`) outweighs it.
package struct ProofJudge: Sendable {
    /// Where Convoy's users live.
    package static let userDatabase = "admin"

    package init() {}

    package func judge(_ evidence: ProofEvidence, plan: ProofPlan) -> ProofVerdict {
        judge(evidence, user: plan.user, grants: plan.grants)
    }

    package func judge(_ evidence: ProofEvidence, user: String, grants: [DatabaseGrant]) -> ProofVerdict {
        guard !grants.isEmpty else { return .unverified("no database is granted to it: there is nothing to prove") }
        var findings: [ProofFinding] = []
        var roles = RoleExpansion(customRoles: evidence.customRoles)
        for role in grants { roles.expand(role) }
        let granted = roles.seen
        for role in evidence.roles { roles.expand(role) }
        findings += roles.findings
        findings += (evidence.privileges ?? []).flatMap { judge(privilege: $0, reachable: roles.reach) }
        findings += judge(attempts: evidence.writeAttempts, databases: grants.map(\.database))
        findings += judge(held: evidence.roles, granted: grants, withInherited: granted)
        findings += judge(identity: evidence.authenticatedAs, user: user)
        return ProofFinding.verdict(of: findings)
    }

    private func judge(identity: [String], user: String) -> [ProofFinding] {
        let expected = "\(Self.userDatabase).\(user)"
        if identity == [expected] { return [] }
        let found = identity.isEmpty ? "nobody" : identity.joined(separator: ", ")
        return [.unverified("the connection is logged in as \(found), not as \(expected) alone")]
    }

    /// Servers list inherited roles beside the granted ones, so these are no surplus.
    private func judge(
        held: [DatabaseGrant], granted: [DatabaseGrant], withInherited: Set<DatabaseGrant>
    ) -> [ProofFinding] {
        let extra = Set(held).subtracting(withInherited).inOrder.map {
            ProofFinding.refuted("it holds role \($0.role) on \($0.database), which the fleet does not grant")
        }
        let missing = Set(granted).subtracting(held).inOrder.map {
            ProofFinding.unverified("it does not hold role \($0.role) on \($0.database), which the fleet grants")
        }
        return extra + missing
    }

    private func judge(privilege: ProofEvidence.Privilege, reachable: RoleExpansion.Reach) -> [ProofFinding] {
        var findings = ProofFinding.judge(privilege, holder: "its privileges")
        if !privilege.actions.isEmpty, !reachable.covers(privilege.resource) {
            findings.append(.refuted("its privileges reach \(privilege.resource), which the fleet does not grant"))
        }
        return findings
    }

    private func judge(attempts: [ProofEvidence.WriteAttempt], databases: [String]) -> [ProofFinding] {
        let made = attempts.flatMap { attempt -> [ProofFinding] in
            let name = "the attempt to \(attempt.kind.rawValue) on \(attempt.database)"
            switch attempt.outcome {
            case .refused(code: 13): return []
            case .allowed: return [.refuted("the server allowed \(name)")]
            case .refused(let code): return [.unverified("\(name) failed with code \(code) instead of 13")]
            case .unknown(let why): return [.unverified("\(name) had no clear outcome: \(why)")]
            }
        }
        let missing = Set(databases).sorted().flatMap { database in
            ProofEvidence.WriteAttempt.Kind.allCases.compactMap { kind -> ProofFinding? in
                if attempts.contains(where: { $0.kind == kind && $0.database == database }) { return nil }
                return .unverified("there was no attempt to \(kind.rawValue) on \(database)")
            }
        }
        return made + missing
    }
}
