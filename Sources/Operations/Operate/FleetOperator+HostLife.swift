import Fleet
import Planning
import Ports

/// What became of a host, and of its sessions where it was drained. In JSON every key is always there.
package struct HostChange: Sendable, Equatable, Codable {
    package var fleet: String
    package var host: String
    package var door: HostDoor
    package var changed: Bool
    package var drained: DrainReport?

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(fleet, forKey: .fleet)
        try container.encode(host, forKey: .host)
        try container.encode(door, forKey: .door)
        try container.encode(changed, forKey: .changed)
        try container.encode(drained, forKey: .drained)
    }
}

// Whom one host serves while it is one of the fleet: nothing that it runs is touched.
extension FleetOperator {
    package func cordon(_ name: String, force: Bool) async throws -> HostChange {
        let (member, before) = try await shutting(name, force, "cordon")
        try await member.control.cordon()
        return try await told(member, before, verb: "cordon")
    }

    /// - Parameter deadline: after which sessions that are still in use are cut.
    package func drain(_ name: String, deadline: Seconds, force: Bool) async throws -> HostChange {
        let (member, before) = try await shutting(name, force, "drain")
        ports.progress.step("\(name): no new sessions; waiting for those that it has, at most \(deadline.spelled)")
        let counting = Task { await count(member, deadline) }
        defer { counting.cancel() }
        let report = try await ports.unlessInterrupted { try await member.control.drain(deadline: deadline) }
        guard let report else {
            throw Failure(
                .failed, "\(name) is not drained", because: "you asked to stop waiting",
                next: "it takes no new sessions; `convoy drain \(name)` goes on, `convoy uncordon \(name)` goes back")
        }
        return try await told(member, before, verb: "drain", report)
    }

    package func uncordon(_ name: String) async throws -> HostChange {
        let record = try await ports.ledger.load()
        let member = try member(name, "uncordon")
        try await tellBehind(record)
        guard let current = record.current else { throw notUp("uncordon \(name)") }
        let before = try await door(member)
        try await member.control.uncordon(generation: current.number)
        return try await told(member, before, verb: "uncordon")
    }

    private func shutting(_ name: String, _ force: Bool, _ verb: String) async throws -> (FleetMember, HostDoor) {
        let member = try member(name, verb)
        try await tellBehind(try await ports.ledger.load())
        let before = try await door(member)
        guard before == .open, !force else { return (member, before) }
        let hosts = try await ports.control.status(newerThan: nil, timeout: 0).status.hosts
        if let why = CordonJudge.objection(to: name, among: hosts) {
            throw Failure(
                .failed, "cannot \(verb) \(name)", because: why,
                next: "open another one first; or --force, if the fleet may serve nobody")
        }
        return (member, before)
    }

    func member(_ name: String, _ verb: String) throws -> FleetMember {
        if let member = ports.members.first(where: { $0.name == name }) { return member }
        throw Failure(
            .usage, "cannot \(verb) \(name)", because: "\(context.spec.name) has no such host",
            next: "choose from: \(ports.members.map(\.name).joined(separator: ", "))")
    }

    private func door(_ member: FleetMember) async throws -> HostDoor {
        try await member.control.status(newerThan: nil, timeout: 0).life?.door ?? .open
    }

    private func told(
        _ member: FleetMember, _ before: HostDoor, verb: String, _ report: DrainReport? = nil
    ) async throws -> HostChange {
        let after = try await door(member)
        if after != before {
            let words = report.map(\.words).flatMap { $0.isEmpty ? nil : ": \($0)" } ?? ""
            try await audit(verb, member.name + words)
        }
        return HostChange(
            fleet: context.spec.name, host: member.name, door: after, changed: after != before, drained: report)
    }

    private func count(_ member: FleetMember, _ deadline: Seconds) async {
        let begun = ports.time.now().value
        while !Task.isCancelled {
            guard let left = try? await member.control.guests() else { return }
            let passed = Seconds((ports.time.now().value - begun).rounded())
            ports.progress.detail("\(member.name): \(left) sessions in use, \(passed.spelled) of \(deadline.spelled)")
            guard (try? await ports.time.sleep(1)) != nil else { return }
        }
    }
}
