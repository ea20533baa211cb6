import Fleet
import Foundation
import MongoDB
import Operations
import Planning
import Ports
import Supervision

/// Each host's own database user, which can read the ledger and nothing else: by it a host that no operator could
/// tell finds out that the fleet went on without it.
struct LedgerReader {
    let workplace: Workplace
    let context: FleetContext
    let progress: any Ports.Progress
    /// With an administrator's connection string; nil: fleet.yaml's.
    var adminFile: String?

    private static let grants = [DatabaseGrant(database: MongoLeases.database, role: "read")]

    /// No fleet's and no host's name can hold the slash, and no instance's user has one.
    private func user(_ host: String) -> String { "convoy-reader-\(context.spec.name)/\(host)" }

    /// Names of those that got one: hosts that answer, and have none that works.
    func ensure(under lease: HeldLease) async throws -> [String] {
        guard context.spec.spansHosts, try workplace.leases.place == .mongodb else { return [] }
        let hosts = try FleetHosts(context.spec.hosts)
        defer { withExtendedLifetime(hosts) {} }
        let chores = hosts.remoteChores(workplace.layout, under: lease.fence, progress: progress)
        let lacking = await chores.withoutReader()
        guard !lacking.isEmpty else { return [] }
        guard let admin = try admin() else {
            progress.step("hosts can't read the ledger by themselves: `convoy ledger readers --admin FILE` lets them")
            return []
        }
        let base = try LedgerUser(spec: context.spec, file: "", adminFile: nil).base(admin)
        for host in lacking {
            let password = SystemSecrets().secret(bytes: 24)
            try lease.check()
            _ = try await MongoUserDirectory(adminURI: admin)
                .ensure(user(host), password: password, grants: Self.grants)
            let uri = try InstanceURI.make(base: base, user: user(host), password: password)
            let mark = LedgerMark(fleet: context.spec.name, uri: uri.reveal())
            try await chores.give(host, reader: Secret(try StableJSON.text(mark)))
            progress.step("\(host) reads the ledger by a user of its own")
        }
        return lacking
    }

    /// Also of a host that is gone.
    func revoke(_ host: String) async throws {
        guard try workplace.leases.place == .mongodb, let admin = try admin() else { return }
        try await MongoUserDirectory(adminURI: admin).remove(user(host))
    }

    private func admin() throws -> Secret? {
        guard let path = adminFile ?? context.adminFile, let text = try PosixFiles().readSecret(path) else {
            return nil
        }
        return Secret(text.reveal().trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// What this host reads by its own user.
    static func left(_ layout: FleetLayout) async throws -> [LeftHost] {
        guard let mark = try LedgerMark.read(at: layout.ledgerReader) else {
            throw Failure(
                .unavailable, "cannot read the ledger", because: "this host has no user for it",
                next: "`convoy ledger readers` makes one")
        }
        return try await FleetLedger.database(mark).ledger(under: nil).load().left ?? []
    }
}
