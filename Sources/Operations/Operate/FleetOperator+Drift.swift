import Fleet
import Planning
import Ports

extension FleetOperator {
    /// Looks twice when it finds something: an instance that is just being started again is no drift.
    package func drift(
        _ control: any DriftControl, surveyor: any HostSurveyor, version: String
    ) async throws -> DriftReport {
        try await twice { try await look(control, surveyor, version) }
    }

    func twice(_ look: () async throws -> DriftReport) async throws -> DriftReport {
        let first = try await look()
        guard !first.findings.isEmpty else { return first }
        try await ports.time.sleep(0.5)
        var second = try await look()
        let known = Set(first.findings.map(\.identity))
        second.findings.removeAll { !known.contains($0.identity) }
        return second
    }

    /// Puts right what is safe, here and at the supervisor's; then looks again.
    package func heal(
        _ control: any DriftControl, surveyor: any HostSurveyor, version: String
    ) async throws -> DriftReport {
        let record = try await healableRecord()
        let before = try await drift(control, surveyor: surveyor, version: version)
        var healed = before.findings.contains(where: \.canHeal) ? try await control.heal() : []
        let database: Set<DriftFinding.Kind> = [.user, .role, .privilege]
        if before.findings.contains(where: { database.contains($0.kind) && $0.canHeal }), let current = record.current {
            healed += try await credentials.correct(for: current).map { "password and roles of user \($0)" }
            let kept = Set(try await control.survey().users.map(\.name))
            healed += try await credentials.removeUsers(except: kept).map { "user \($0) is gone" }
            // The supervisor proves them now, not at its next interval.
            try await ports.control.check()
        }
        if !healed.isEmpty { try await audit("drift --heal", healed.joined(separator: "; ")) }
        var after = try await drift(control, surveyor: surveyor, version: version)
        after.healed = healed
        return after
    }

    func healableRecord() async throws -> LedgerRecord {
        let record = try await ports.ledger.load()
        // What it has made so far would be taken for strays.
        if let cut = record.next?.number ?? (record.rollout?.state == .open ? record.rollout?.number : nil) {
            throw Failure(
                .failed, "cannot heal this fleet now", because: "a rollout to generation \(cut) was cut",
                next: "end it first: `convoy status` says how far it got")
        }
        return record
    }

    private func look(
        _ control: any DriftControl, _ surveyor: any HostSurveyor, _ version: String
    ) async throws -> DriftReport {
        var survey = try await control.survey().completed(by: surveyor)
        if survey.fleet.isEmpty { survey.fleet = context.spec.name }
        let databases = Set(survey.users.flatMap(\.grants).map(\.database)).sorted()
        do {
            survey.holdings = try await credentials.holdings(databases)
        } catch {
            survey.unseen.append("users of the database: \(FleetSupervisor.words(error))")
        }
        do {
            survey.plan = try await planSighting(version)
        } catch {
            survey.unseen.append("fleet.yaml and fleet.lock: \(FleetSupervisor.words(error))")
        }
        return DriftJudge(survey).report
    }

    func planSighting(_ version: String) async throws -> PlanSighting {
        let record = try await ports.ledger.load()
        let lock = try LockFile(files: ports.files, path: context.lockFile).load()
        let locked = lock.release(for: context.spec.server.release, constraints: context.spec.server.constraints)
        let serving = try await ports.control.status(newerThan: nil, timeout: 0).status.generation
        return PlanSighting(
            changes: try await plan().changes, locked: locked?.digest, running: record.current?.release.digest,
            current: record.current?.number, serving: serving == 0 ? nil : serving, operatorVersion: version)
    }
}

extension InstanceCredentials {
    /// Nil where there are no users.
    func holdings(_ databases: [String]) async throws -> [UserHolding]? {
        try await userDirectory()?.holdings(prefix: InstanceUser.prefix(fleet: context.spec.name), databases: databases)
    }

    /// Those that no generation has; returns their names.
    func removeUsers(except kept: Set<String>) async throws -> [String] {
        guard let directory = try userDirectory() else { return [] }
        let strangers = try await directory.list(prefix: InstanceUser.prefix(fleet: context.spec.name))
            .filter { !kept.contains($0) }
        for name in strangers { try await directory.remove(name) }
        return strangers
    }
}
