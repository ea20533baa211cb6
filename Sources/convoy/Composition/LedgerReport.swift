import Console
import Fleet
import Ledger
import MongoDB
import Planning
import Ports

/// What `convoy ledger show` knows.
struct LedgerReport: Encodable {
    var fleet: String
    var place: LedgerPlace
    /// The file, or the database's servers.
    var address: String
    var cargo: LedgerCargo
    var lease: OperatorLease?
    var changed: Bool

    /// - Parameter place: looked at there, whatever fleet.yaml says.
    static func of(_ workplace: Workplace, changed: Bool, at place: LedgerPlace? = nil) async throws -> LedgerReport {
        let place = try place ?? workplace.leases.place
        let spec = try? workplace.context().spec
        let (home, berth, address) = try await workplace.leases.parts(place)
        let lease = try await home.current()
        let cargo = try await berth.cargo()
        let known = cargo.record.current ?? cargo.record.next
        return LedgerReport(
            fleet: spec?.name ?? known?.fleet ?? "", place: place, address: address, cargo: cargo, lease: lease,
            changed: changed)
    }

    var atWork: String { lease.map { $0.expired ? "nobody" : $0.words } ?? "nobody" }

    var text: String {
        let record = cargo.record
        let rollout = record.rollout.map { "\($0.number), \($0.state.rawValue)" } ?? "none"
        let rows = [
            ("ledger", place == .file ? address : "database \(MongoLeases.database) at \(address)"),
            ("generation", record.current.map { "\($0.number), \($0.release.version)" } ?? "none"),
            ("newest rollout", rollout),
            ("journals", "\(cargo.journals.count), of \(cargo.journals.values.reduce(0) { $0 + $1.count }) entries"),
            ("audit", "\(record.audit.count) entries"), ("leases given", "\(cargo.fence)"),
            ("at work", atWork),
        ]
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 + "\n" }.joined()
    }

    private enum Keys: String, CodingKey {
        case fleet, place, address, changed, generation, rollout, rolloutState, journals, audit, fence, holder
    }

    /// Every key is always there, null where there is nothing to say.
    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(fleet, forKey: .fleet)
        try container.encode(place, forKey: .place)
        try container.encode(address, forKey: .address)
        try container.encode(changed, forKey: .changed)
        try container.encode(cargo.record.current?.number, forKey: .generation)
        try container.encode(cargo.record.rollout?.number, forKey: .rollout)
        try container.encode(cargo.record.rollout?.state, forKey: .rolloutState)
        try container.encode(cargo.journals.count, forKey: .journals)
        try container.encode(cargo.record.audit.count, forKey: .audit)
        try container.encode(cargo.fence, forKey: .fence)
        try container.encode(lease.flatMap { $0.expired ? nil : $0.holder.name }, forKey: .holder)
    }
}
