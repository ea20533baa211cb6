import Fleet
import Planning
import Ports

// Hosts that a rollout went on without: shut as soon as anybody reaches them, and brought back by `up`.
extension FleetOperator {
    /// How long a host that is most likely away is waited for.
    private static var patience: Seconds { 8 }

    /// Before anything else: whoever was left behind is told so, where it answers, and is asked for nothing more.
    ///
    /// - Returns: those that answered.
    @discardableResult
    func tellBehind(_ record: LedgerRecord) async throws -> Set<String> {
        guard context.spec.spansHosts else { return [] }
        let left = (record.left ?? []).filter { host in ports.members.contains { $0.name == host.name } }
        await setAside(Set(left.map(\.name)).union(context.skips))
        let there = await answering(Set(left.map(\.name))) { name, control in
            guard let host = left.first(where: { $0.name == name }) else { return }
            try await control.leave(rollout: host.by)
        }
        for name in there.sorted() { ports.progress.step("\(name) is behind the fleet, and serves nobody") }
        return there
    }

    func setAside(_ names: Set<String>) async {
        ports.aside.set(names)
        await ports.setAside(names)
    }

    /// All at once; those count as there that did it, or said why not.
    func answering(
        _ names: Set<String>, _ question: @escaping @Sendable (String, any FleetControl) async throws -> Void
    ) async -> Set<String> {
        let time = ports.time
        return await withTaskGroup(of: String?.self) { group in
            for member in ports.members where names.contains(member.name) {
                group.addTask {
                    do {
                        try await time.limited(to: Self.patience) { try await question(member.name, member.control) }
                    } catch {
                        return Failure(told: error).code == .unavailable ? nil : member.name
                    }
                    return member.name
                }
            }
            return await group.reduce(into: []) { all, name in if let name { all.insert(name) } }
        }
    }

    /// Those that are there run the fleet's generation, or nothing, and are members again; they serve nobody yet.
    func bringBack(_ names: Set<String>, to current: GenerationPlan?) async throws {
        let back = names.subtracting(context.skips)
        guard !back.isEmpty else { return }
        for member in ports.members where back.contains(member.name) {
            let report = try await member.control.status(newerThan: nil, timeout: 0)
            let own = current?.slice(for: member.name)
            let isCurrent = report.generations == [own] && report.status.generation == own?.number
            guard !isCurrent, !report.generations.isEmpty else { continue }
            ports.progress.step("\(member.name): stopping what it ran before")
            try await member.control.shutdown(drain: 0)
            try await waitUntilGone(member)
        }
        await setAside(ports.aside.names.subtracting(back))
        _ = try await ports.launcher.ensureRunning()
    }

    /// Else whoever looks for its supervisor finds the one that is going.
    private func waitUntilGone(_ member: FleetMember) async throws {
        let deadline = ports.time.now().value + 10
        while ports.time.now().value < deadline {
            let report = try? await member.control.status(newerThan: nil, timeout: 0)
            guard let report, !report.generations.isEmpty else { return }
            try await ports.time.sleep(0.1)
        }
    }

    /// Whoever is there runs what the fleet runs by now: it serves again, and the ledger forgets that it did not.
    func readmit() async throws {
        guard context.spec.spansHosts else { return }
        var record = try await ports.ledger.load()
        guard let current = record.current else { return }
        let report = try await ports.asking { try await $0.status(newerThan: nil, timeout: 0) }
        let shut = Set(report.status.hosts.filter { $0.door == .behind }.map(\.name))
        let known = Set(record.left?.map(\.name) ?? [])
        let back = shut.union(known).subtracting(ports.aside.names).intersection(current.hosts)
        guard !back.isEmpty else { return }
        // Of all that is numbered by now it knows how it ended.
        let newest = record.nextGeneration - 1
        for member in ports.members where back.contains(member.name) {
            try await member.control.welcome(generation: current.number, upTo: newest)
            ports.progress.step("\(member.name) is one of the fleet again")
        }
        record.readmit { back.contains($0.name) }
        try await ports.ledger.save(record)
    }

    func hasBehind() async throws -> Bool { try await ports.ledger.load().left?.isEmpty == false }

    func refuseBehind() async throws {
        guard let left = try await ports.ledger.load().left, !left.isEmpty else { return }
        throw Failure(
            .unavailable, "the fleet is not whole",
            because: "\(left.map(\.name).joined(separator: ", ")) does not answer, and is behind",
            next: "run `convoy up` when it is back, or `convoy remove --gone` when it will not be")
    }

    /// Who is there is no host to be left behind.
    func refuseSkips(_ record: LedgerRecord) async throws {
        let skips = context.skips
        guard let first = skips.min() else { return }
        func refusal(_ why: String, next: String) -> Failure {
            Failure(.failed, "cannot skip \(first)", because: why, next: next)
        }
        let names = context.spec.hosts.map(\.name)
        guard context.spec.spansHosts, skips.isSubset(of: names) else {
            throw Failure(
                .usage, "cannot skip \(skips.first { !names.contains($0) } ?? first)",
                because: "this fleet has no such host beside others", next: "see `hosts` in fleet.yaml")
        }
        let left = Set(record.left?.map(\.name) ?? [])
        guard !Set(names).subtracting(skips).subtracting(left).isEmpty else {
            throw refusal("no host would be left", next: "see `convoy status`")
        }
        if Self.isOpen(record) || record.scaling != nil {
            throw refusal("another change was cut, and may be on it", next: "run `convoy resume` or `convoy rollback`")
        }
        let there = await answering(skips.subtracting(left)) { _, control in
            _ = try await control.status(newerThan: nil, timeout: 0)
        }
        if let name = there.min() {
            throw Failure(
                .failed, "cannot skip \(name)", because: "it answers",
                next: "`convoy drain \(name)` takes it out of service; rollouts go over it all the same")
        }
    }
}

extension LedgerRecord {
    mutating func leave(_ names: Set<String>, by rollout: Int, at time: Double) {
        let known = Set(left?.map(\.name) ?? [])
        let more = names.subtracting(known).sorted().map {
            LeftHost(name: $0, by: rollout, since: current?.number, at: time)
        }
        if !more.isEmpty { left = (left ?? []) + more }
    }

    mutating func readmit(_ isBack: (LeftHost) -> Bool) {
        left?.removeAll(where: isBack)
        if left?.isEmpty == true { left = nil }
    }

    var leftChanges: [ChangePlan.Change] {
        (left ?? []).map { host in
            let since = host.since.map { ", since generation \($0)" } ?? ""
            return ChangePlan.Change(.mend, "host \(host.name)", "is behind\(since); it is brought back if it answers")
        }
    }
}

extension FleetStatus {
    /// With those that the fleet went on without.
    func with(_ left: [LeftHost], there: Set<String>, order: [String], now: Double) -> FleetStatus {
        var status = self
        for host in left where !status.hosts.contains(where: { $0.name == host.name }) {
            let since = host.since.map { " since generation \($0)" } ?? ""
            let isThere = there.contains(host.name)
            status.hosts.append(
                HostStatus(
                    name: host.name, answers: isThere,
                    silentSeconds: isThere ? nil : (max(0, now - host.at) * 10).rounded() / 10,
                    reason: "behind\(since)" + (isThere ? "; run `convoy up`" : ""), generation: nil, converged: false,
                    door: .behind))
        }
        status.hosts.sort { (order.firstIndex(of: $0.name) ?? 0) < (order.firstIndex(of: $1.name) ?? 0) }
        if status.hosts.contains(where: { $0.door == .behind }) { status.converged = false }
        return status
    }
}
