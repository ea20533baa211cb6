import Fleet
import Planning
import Ports

// Each host surveys itself; the database and the operator's files are looked at once.
extension FleetOperator {
    /// Looks twice, as on one host.
    package func drift(on hosts: any HostLooks, version: String) async throws -> DriftReport {
        try await twice { try await look(hosts, version) }
    }

    /// Puts right what is safe on each host and in the database; then looks again.
    package func heal(on hosts: any HostLooks, version: String) async throws -> DriftReport {
        let record = try await healableRecord()
        let before = try await drift(on: hosts, version: version)
        let wanting = Set(before.findings.filter(\.canHeal).compactMap(\.host))
        var healed: [String] = []
        var failed: [String] = []
        if !wanting.isEmpty {
            for row in await hosts.mend(wanting) {
                switch row.answer {
                case .success(let done): healed += done.map { "\(row.host): \($0)" }
                case .failure(let failure): failed.append("\(row.host): \(failure.what): \(failure.why)")
                }
            }
        }
        let isDatabase = before.findings.contains { $0.host == nil && $0.canHeal }
        if isDatabase, let current = record.current {
            healed += try await credentials.correct(for: current).map { "roles of user \($0)" }
            healed += try await credentials.removeUsers(except: kept(record, hosts)).map { "user \($0) is gone" }
            // Proved now, not at the next interval; whoever is away is told below.
            try? await ports.control.check()
        }
        if !healed.isEmpty { try await audit("drift --heal", healed.joined(separator: "; ")) }
        var after = try await drift(on: hosts, version: version)
        after.healed = healed
        // Who does not answer has been told with that.
        let silent = after.unseen.map { $0.prefix { $0 != ":" } }
        after.unseen += failed.filter { line in !silent.contains(line.prefix { $0 != ":" }) }
        return after
    }

    /// What the ledger and any host knows of: a host that is away has users, too.
    private func kept(_ record: LedgerRecord, _ hosts: any HostLooks) async -> Set<String> {
        let told = await hosts.surveys().compactMap { try? $0.answer.get() }.flatMap(\.users).map(\.name)
        return Set(told + record.plans.flatMap(\.instances).compactMap(\.proof?.user))
    }

    private func look(_ hosts: any HostLooks, _ version: String) async throws -> DriftReport {
        let record = try await ports.ledger.load()
        let rows = (try? await ports.control.status(newerThan: nil, timeout: 0).status.hosts) ?? []
        let serving = Dictionary(rows.map { ($0.name, $0.generation) }) { first, _ in first }
        var whole = DriftSurvey(fleet: context.spec.name, supervisorVersion: version, ports: .none)
        var report = DriftReport(fleet: context.spec.name)
        let began = ports.time.wallClock()
        for row in await hosts.surveys() {
            switch row.answer {
            case .failure(let failure):
                let since = failure.code == .unavailable ? "has not answered since \(LogTime.text(began)): " : ""
                report.unseen.append("\(row.host): \(since)\(failure.what): \(failure.why)")
            case .success(var survey):
                whole.users += survey.users
                survey.users = []
                if let number = serving[row.host] ?? nil {
                    survey.plan = PlanSighting(
                        changes: [], locked: nil, running: nil, current: record.current?.number,
                        serving: number == 0 ? nil : number, operatorVersion: version)
                }
                report.add(DriftJudge(survey).report, of: row.host)
            }
        }
        await complete(&whole, record, version)
        let own = DriftJudge(whole).fleetReport
        report.findings += own.findings
        report.unseen += own.unseen
        return report
    }

    private func complete(_ whole: inout DriftSurvey, _ record: LedgerRecord, _ version: String) async {
        // Of hosts that are away, and of those that have lost their records: theirs are nobody's for nobody.
        let told = Set(whole.users.map(\.name))
        for instance in record.current?.instances ?? [] {
            guard let proof = instance.proof, !told.contains(proof.user) else { continue }
            whole.users.append(
                UserWish(name: proof.user, instance: instance.name, grants: proof.grants, verdict: nil))
        }
        let known = Set(whole.users.map(\.name))
        let underway = Set(record.plans.flatMap(\.instances).compactMap(\.proof?.user)).subtracting(known)
        do {
            let databases = Set(whole.users.flatMap(\.grants).map(\.database)).sorted()
            whole.holdings = try await credentials.holdings(databases)?.filter { !underway.contains($0.name) }
        } catch {
            whole.unseen.append("users of the database: \(FleetSupervisor.words(error))")
        }
        do {
            let sighting = try await planSighting(version)
            whole.plan = PlanSighting(
                changes: sighting.changes, locked: sighting.locked, running: sighting.running, current: nil,
                serving: nil, operatorVersion: version)
        } catch {
            whole.unseen.append("fleet.yaml and fleet.lock: \(FleetSupervisor.words(error))")
        }
    }
}

extension PortWish {
    /// Of no host.
    fileprivate static let none = PortWish(
        edge: nil, isOwnEdge: false, instances: [:], idle: [], releases: "", edgeConfiguration: "", supervisor: 0)
}

extension DriftReport {
    fileprivate mutating func add(_ other: DriftReport, of host: String) {
        findings += other.findings.map { finding in
            var finding = finding
            finding.host = host
            return finding
        }
        notes += other.notes.map { "\(host): \($0)" }
        unseen += other.unseen.map { "\(host): \($0)" }
    }
}
