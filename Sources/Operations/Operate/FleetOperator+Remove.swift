import Fleet
import Planning
import Ports

/// A host that is one of the fleet no more. In JSON every key is always there.
package struct HostRemoval: Sendable, Equatable, Codable {
    package var fleet: String
    package var host: String
    /// Database users that were taken away.
    package var users: [String]
    /// Of its sessions; nil where it was gone.
    package var drained: DrainReport?

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(fleet, forKey: .fleet)
        try container.encode(host, forKey: .host)
        try container.encode(users, forKey: .users)
        try container.encode(drained, forKey: .drained)
    }
}

// A host goes for good: what it has of the fleet, its database users, and what the ledger knows of it.
extension FleetOperator {
    /// - Parameter gone: it does not answer, and never will.
    package func remove(_ name: String, gone: Bool, deadline: Seconds) async throws -> HostRemoval {
        var record = try await ports.ledger.load()
        guard let current = record.current else { throw notUp("remove \(name)") }
        let member = try member(name, "remove")
        let rest = current.without(name, seat: context.spec.operatorSeat)
        try refuseRemoval(of: name, record, rest.origin.spec)
        try await credentials.checkAdmin(removing: [current])
        try await tellBehind(record)
        let report = gone ? nil : try await empty(member, deadline, isBehind: ports.aside.names.contains(name))
        if gone { try await refusePresent(name) }
        await setAside(ports.aside.names.union([name]))
        _ = try await ports.launcher.ensureRunning()
        record = try await ports.ledger.load()
        let users = current.slice(for: name).instances.compactMap(\.proof?.user)
        let target = try await planned(rest)
        if target != current { _ = try await scale(current, to: target, over: record) }
        record = try await ports.ledger.load()
        record.readmit { $0.name == name }
        record.previous = record.previous?.without(name, seat: context.spec.operatorSeat)
        record.note(
            LedgerRecord.AuditEntry(at: ports.time.wallClock(), verb: "remove", outcome: gone ? "\(name), gone" : name))
        try await ports.ledger.save(record)
        try await credentials.removeStrangers(keeping: [target])
        return HostRemoval(fleet: context.spec.name, host: name, users: users, drained: report)
    }

    /// Drained, stopped, and with nothing of the fleet left on it.
    private func empty(_ member: FleetMember, _ deadline: Seconds, isBehind: Bool) async throws -> DrainReport {
        let report = isBehind ? DrainReport() : try await drain(member.name, deadline: deadline, force: false).drained
        ports.progress.step("\(member.name): taking away what it has of the fleet")
        try await ports.hosts?.forget(member.name)
        return report ?? DrainReport()
    }

    private func refusePresent(_ name: String) async throws {
        let there = await answering([name]) { _, control in
            let report = try await control.status(newerThan: nil, timeout: 0)
            // Nothing of the fleet: it is another one by now, or has lost its disk.
            guard report.generations.isEmpty else { return }
            throw Failure(.unavailable, "nobody serves there", because: "it runs nothing", next: "")
        }
        guard there.isEmpty else {
            throw Failure(
                .failed, "cannot remove \(name) as gone", because: "it answers",
                next: "`convoy remove \(name)` drains it first, and leaves nothing on it")
        }
    }

    private func refuseRemoval(of name: String, _ record: LedgerRecord, _ rest: FleetSpec) throws {
        func refusal(_ why: String, next: String) -> Failure {
            Failure(.failed, "cannot remove \(name)", because: why, next: next)
        }
        guard let last = rest.hosts.first, context.spec.spansHosts else {
            throw refusal("it is the fleet's only host", next: "`convoy down` ends it")
        }
        guard rest.spansHosts else {
            throw refusal(
                "\(last.name) would be the only host, and a fleet of one drives itself unless fleet.yaml says otherwise",
                next: "write `operator: remote` into fleet.yaml, beside `hosts`: \(last.name) goes on as it is, driven "
                    + "from this machine; then run it again")
        }
        // Of its own, cut before, nothing is left to be undone: it is done again.
        let isOwn = record.scaling.map { !$0.target.hosts.contains(name) } ?? true
        guard !Self.isOpen(record), isOwn else {
            throw refusal("another change was cut", next: "run `convoy resume` or `convoy rollback` first")
        }
    }

    /// The same generation, as a planner that never knew the host would plan it.
    private func planned(_ rest: GenerationPlan) async throws -> GenerationPlan {
        guard let release = try await ports.releases.list().first(where: { $0.digest == rest.release.digest }) else {
            throw Failure(
                .unavailable, "cannot plan without the host",
                because: "release \(rest.release.digest.short) is not on this machine any more",
                next: "run `convoy releases fetch`, then run it again")
        }
        var origin = context
        origin.spec = rest.origin.spec
        origin.profile = rest.origin.profile
        let planner = try await FleetOperator(ports: ports, context: origin, seams: seams).planner(release)
        var plan = rest
        plan.wish = try planner.wish()
        plan.plannedUnder = rest.wishes
        return plan
    }

    /// A host that is only taken out of fleet.yaml would go on, and nobody would know of it any more.
    func refuseLeavers(_ record: LedgerRecord) throws {
        try refuseSelfDriven(record)
        guard let first = leavers(record).first else { return }
        throw Failure(
            .failed, "cannot change the fleet", because: "\(first) is not in `hosts` any more, and still one of it",
            next: "`convoy remove \(first)` takes it out of service; with --gone when it is no more")
    }

    /// Nobody but its operator can tell a lost disk from another machine under its address.
    func refuseEmptied(_ plan: GenerationPlan) async throws {
        guard context.spec.spansHosts else { return }
        let hosts = try await ports.control.status(newerThan: nil, timeout: 0).status.hosts
        guard let one = hosts.first(where: { $0.generation == 0 && plan.hosts.contains($0.name) }) else { return }
        throw Failure(
            .failed, "the fleet is not whole",
            because: "\(one.name) answers and runs nothing: it has lost its disk, or is another machine",
            next: "`convoy replace \(one.name)` gives it new users and instances of generation \(plan.number)")
    }

    /// By a fleet.yaml that makes its last host drive itself, or has no hosts any more, something else would come up
    /// elsewhere, and what runs there would be nobody's.
    func refuseSelfDriven(_ record: LedgerRecord) throws {
        guard let origin = record.current?.origin.spec, origin.spansHosts, !context.spec.spansHosts else { return }
        let names = origin.hosts.map(\.name).joined(separator: ", ")
        throw Failure(
            .failed, "cannot change the fleet",
            because: "it runs on \(names), driven from here, and fleet.yaml has "
                + (context.spec.hosts.isEmpty ? "no hosts" : "one host that drives itself"),
            next:
                "put them back: then `convoy remove` takes hosts out, `operator: remote` keeps the last one driven from "
                + "here, and `convoy down` ends the fleet")
    }

    private func leavers(_ record: LedgerRecord) -> [String] {
        guard let origin = record.current?.origin.spec, origin.spansHosts, context.spec.spansHosts else { return [] }
        let wished = Set(context.spec.hosts.map(\.name))
        return origin.hosts.map(\.name).filter { !wished.contains($0) }
    }

    func hostChanges(_ record: LedgerRecord) -> [ChangePlan.Change] {
        guard let origin = record.current?.origin.spec, origin.spansHosts, context.spec.spansHosts else { return [] }
        let known = Set(origin.hosts.map(\.name))
        let new = context.spec.hosts.map(\.name).filter { !known.contains($0) }
        return new.map { ChangePlan.Change(.add, "host \($0)", "new; `convoy bootstrap` makes it one of the fleet") }
            + leavers(record).map {
                ChangePlan.Change(.remove, "host \($0)", "not in `hosts` any more: run `convoy remove \($0)`")
            }
    }
}

extension GenerationPlan {
    /// - Parameter seat: from where it is driven, should only one be left.
    fileprivate func without(_ host: String, seat: OperatorSeat?) -> GenerationPlan {
        var plan = self
        plan.origin.spec.operatorSeat = seat
        plan.instances.removeAll { $0.host == host }
        let names = Set(plan.instances.map(\.name))
        plan.plannedUnder = plan.plannedUnder?.filter { names.contains($0.key) }
        plan.origin.spec.hosts.removeAll { $0.name == host }
        return plan
    }
}
