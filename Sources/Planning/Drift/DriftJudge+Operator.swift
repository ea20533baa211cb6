import Fleet

// What the operator's side adds: users of the database, and its own files.
extension DriftJudge {
    private static var admin: String { "the database's admin, or whoever has the admin's secret" }

    var database: [DriftFinding] {
        let proofs = survey.users.compactMap(proof)
        guard let holdings = survey.holdings else { return proofs }
        let wished = Dictionary(survey.users.map { ($0.name, $0) }) { first, _ in first }
        var findings: [DriftFinding] = []
        for held in holdings {
            guard let wish = wished[held.name], held.database == ProofJudge.userDatabase else {
                findings.append(stranger(held))
                continue
            }
            if let finding = roles(wish, held) { findings.append(finding) }
        }
        let there = Set(holdings.filter { $0.database == ProofJudge.userDatabase }.map(\.name))
        findings += survey.users.filter { !there.contains($0.name) }.map { user in
            DriftFinding(
                .user, user.name, wish: "a user of \(user.instance)", found: "missing", whoCould: Self.admin,
                heal: "makes it again, with its password and roles", canHeal: true)
        }
        let told = Set(findings.map(\.subject))
        // Whose roles are wrong is not told twice.
        return findings + proofs.filter { !told.contains($0.subject) }
    }

    private func stranger(_ held: UserHolding) -> DriftFinding {
        let isElsewhere = held.database != ProofJudge.userDatabase
        return DriftFinding(
            .user, isElsewhere ? "\(held.database).\(held.name)" : held.name, wish: "no such user",
            found: "a user under the fleet's name, of no generation that runs",
            whoCould: "a convoy that was killed, or " + Self.admin,
            heal: isElsewhere
                ? "not healed: Convoy's users live in admin; drop it by hand" : "removes it: no generation has it",
            canHeal: !isElsewhere)
    }

    private func roles(_ wish: UserWish, _ held: UserHolding) -> DriftFinding? {
        let extra = Set(held.grants).subtracting(wish.grants).map { "\($0.role) on \($0.database) too many" }
        let missing = Set(wish.grants).subtracting(held.grants).map { "\($0.role) on \($0.database) missing" }
        guard !extra.isEmpty || !missing.isEmpty else { return nil }
        return DriftFinding(
            .role, wish.name,
            wish: wish.grants.map { "\($0.role) on \($0.database)" }.sorted().joined(separator: ", "),
            found: (extra.sorted() + missing.sorted()).joined(separator: ", "), whoCould: Self.admin,
            heal: "gives it exactly the pool's roles again", canHeal: true)
    }

    private func proof(_ user: UserWish) -> DriftFinding? {
        guard let verdict = user.verdict, !verdict.isProved else { return nil }
        if case .refuted = verdict {
            return DriftFinding(
                .privilege, user.name, wish: "reads, and nothing else", found: verdict.reason, whoCould: Self.admin,
                heal: "corrects its roles; a custom role that allows more has to be mended by hand", canHeal: true)
        }
        return DriftFinding(
            .user, user.name, wish: "proved to read only", found: "not proved: \(verdict.reason)",
            whoCould: Self.admin + "; or the database was away",
            heal: "gives it its password and roles again", canHeal: true)
    }

    // MARK: fleet.yaml and fleet.lock

    var plans: [DriftFinding] {
        guard let plan = survey.plan else { return [] }
        var findings = plan.changes.filter { $0.kind != .mend }.map { change in
            DriftFinding(
                .plan, "fleet.yaml: \(change.subject)", wish: "what fleet.yaml says", found: change.detail,
                whoCould: "whoever edits fleet.yaml", heal: "not healed: see `convoy plan`, then run `convoy up`",
                canHeal: false)
        }
        if let locked = plan.locked, let running = plan.running, locked != running, findings.isEmpty {
            findings.append(
                DriftFinding(
                    .plan, "fleet.lock", wish: "release \(running.short), which runs", found: "release \(locked.short)",
                    whoCould: "whoever edits fleet.lock, or a merge",
                    heal: "not healed: see `convoy plan`, then run `convoy up`", canHeal: false))
        }
        if plan.current != plan.serving {
            findings.append(
                DriftFinding(
                    .generation, "generation \(plan.serving ?? 0)",
                    wish: "generation \(plan.current ?? 0), by the ledger", found: "it serves",
                    whoCould: "a rollout that was cut, or a restored backup of the ledger",
                    heal: "not healed: run `convoy up`, which brings both together", canHeal: false))
        }
        findings += survey.generations.filter { $0 != plan.serving }.map { number in
            DriftFinding(
                .generation, "generation \(number)", wish: "only generation \(plan.serving ?? 0)", found: "it runs",
                whoCould: "a rollout under way, or one that was cut",
                heal: "not healed: run `convoy up`, which takes it away", canHeal: false)
        }
        if survey.supervisorVersion != plan.operatorVersion {
            findings.append(
                DriftFinding(
                    .binary, "supervisor", wish: "version \(plan.operatorVersion), as this convoy",
                    found: "version \(survey.supervisorVersion)", whoCould: "a package upgrade",
                    heal: "not healed: restart the supervisor; it adopts what runs", canHeal: false))
        }
        return findings
    }
}
