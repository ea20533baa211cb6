import Control
import Fleet
import Foundation
import Ledger
import Planning
import Ports
import Rendering
import Subprocess
import Supervision
import SystemPackage
import Systemd

// What a host with systemd has beside the fleet's own processes: firewall rules, and traces to be swept.
extension HostBackend {
    private static let firewall = "convoy-firewall.service"
    private static let undo = "convoy-firewall-undo"

    /// After the fleet serves: lets its port in, and keeps local users from its instances.
    func admit(_ workplace: Workplace) async throws {
        guard try await tryRules(workplace) else { return }
        try await keepRules()
    }

    /// The rules that the fleet that serves should have; nil when they are kept already, or it can have none.
    func wantedRules(_ workplace: Workplace) async throws -> RenderedFile? {
        guard backend == .systemd else { return nil }
        guard let plan = try await serving(workplace), let edge = try edgeUser(of: plan) else { return nil }
        let users = try databaseUsers(plan.origin.spec.database)
        let rules = try FirewallRenderer.render(FirewallPlan(plan, edgeUser: edge.user, databaseUsers: users))
        return try PosixFiles().read(layout.firewallRules) == rules.content ? nil : rules
    }

    /// Who alone may reach the instances.
    private func edgeUser(of plan: GenerationPlan) throws -> ProcessPlan.UserAndGroup? {
        guard let file = plan.sharedEdgeFile else { return try edgeUser() }
        return try Workplace.sharedEdge(layout, file).workers()
    }

    /// Loads new rules beside the kept ones. They go by themselves within a minute, and with a reboot, unless they
    /// are kept. False: nothing is to be tried.
    func tryRules(_ workplace: Workplace) async throws -> Bool {
        guard let rules = try await wantedRules(workplace) else { return false }
        guard let plan = try await serving(workplace) else { return false }
        try await armUndo()
        try PosixFiles().write(triedRules, rules.content, mode: 0o644)
        try await nft(["-f", triedRules], failing: "cannot load the firewall's rules")
        let address = plan.edge.listen.address == "0.0.0.0" ? "127.0.0.1" : plan.edge.listen.address
        guard TCPProbe.accepts(address: address, port: UInt16(plan.edge.listen.port)) else {
            throw Failure(
                .failed, "the firewall's new rules keep clients out", because: "\(address) no longer takes connections",
                next: "they are taken back within a minute; see `systemctl status \(Self.undo).timer`")
        }
        return true
    }

    /// Of a fleet over several hosts, this one's part of it, by its supervisor: the ledger is elsewhere.
    private func serving(_ workplace: Workplace) async throws -> GenerationPlan? {
        guard FenceFile(layout.fence).exists else { return try await workplace.leases.ledger().load().current }
        let control = ControlClient(socket: layout.controlSocket)
        defer { Task { await control.close() } }
        let report = try await control.status(newerThan: nil, timeout: 0)
        return report.generations.first { $0.number == report.status.generation }
    }

    /// Before anything changes: rules are made last, and a wrong name should not wait for that.
    func checkUsers(of spec: FleetSpec) throws {
        guard backend == .systemd else { return }
        _ = try LocalUsers.reaching([], named: spec.database?.sharedWith ?? [])
    }

    private func databaseUsers(_ database: DatabaseSpec?) throws -> [UInt32] {
        guard let database, let names = database.sharedWith else { return [] }
        if let users = try LocalUsers.reaching(database.loopbackPorts, named: names) { return users }
        let ports = database.loopbackPorts.map(String.init).joined(separator: ", ")
        throw Failure(
            .unavailable, "cannot close the database's port to other local users",
            because: "nobody listens on \(ports) now, so its own user is unknown and would be shut out",
            next: "start the database, then run the command again")
    }

    /// Makes the rules that are tried those of every boot.
    func keepRules() async throws {
        guard let tried = try PosixFiles().read(triedRules) else {
            throw Failure(
                .failed, "cannot keep the firewall's rules", because: "none are tried: a minute is over",
                next: "run the command again")
        }
        try PosixFiles().write(layout.firewallRules, tried, mode: 0o644)
        try await SystemdUnits().restart(Self.firewall)
        try await SystemdUnits().stop(Self.undo + ".timer")
        try PosixFiles().remove(triedRules)
    }

    private var triedRules: String { layout.firewallRules + ".tried" }

    /// Back to the rules that are kept, or to none.
    private func armUndo() async throws {
        let undo = """
            rm -f "$1"
            if [ -e "$2" ]; then exec /usr/bin/systemctl restart "$3"; fi
            exec /usr/sbin/nft 'add table inet convoy; delete table inet convoy'
            """
        let result = try await run(
            .path("/usr/bin/systemd-run"),
            arguments: [
                "--quiet", "--collect", "--unit=\(Self.undo)", "--on-active=60s", "--timer-property=AccuracySec=1s",
                "/bin/sh", "-c", undo, "sh", triedRules, layout.firewallRules, Self.firewall,
            ], environment: .custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]), output: .discarded,
            error: .string(limit: 4096))
        guard result.terminationStatus.isSuccess || result.standardError.contains("already") else {
            throw Failure(
                .failed, "cannot change the firewall",
                because: "its undo can't be armed: \(result.standardError.split(separator: "\n").first ?? "")",
                next: "`systemctl reset-failed \(Self.undo).timer`, then run the command again")
        }
    }

    private func nft(_ words: [String], failing what: String) async throws {
        let result = try await run(
            .path("/usr/sbin/nft"), arguments: Arguments(words),
            environment: .custom(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]), output: .discarded,
            error: .string(limit: 1 << 16))
        guard !result.terminationStatus.isSuccess else { return }
        let said = result.standardError.split(separator: "\n").first.map(String.init) ?? "nft failed"
        throw Failure(.failed, what, because: said, next: "run the command again")
    }

    /// Everything that is the fleet's on this host; nothing else.
    func purge() async throws {
        let files = PosixFiles()
        if backend == .systemd {
            let units = try SystemdUnits()
            try await units.stop(Self.firewall)
            let directory = "/etc/systemd/system"
            for name in try files.list(directory) where name == UnitRenderer.sliceFile || name.isInstanceUnit {
                try files.remove(directory + "/" + name)
            }
            try await units.stop(UnitRenderer.sliceFile)
            try await units.reload()
        }
        for path in [layout.configuration, layout.state, layout.root + "/var/lib/private/convoy", layout.runtime] {
            try files.remove(path)
        }
    }
}

extension String {
    /// Also a drop-in directory of one that is gone.
    fileprivate var isInstanceUnit: Bool { hasPrefix("convoy-instance-") && hasSuffix(".service") }
}
