import Fleet
import Planning
import Ports

// A host that no operator can reach finds out by itself that the fleet went on without it. A ledger that is away
// changes nothing.
extension FleetSupervisor {
    private static var pause: Seconds { 5 }
    /// A supervisor that starts must not wait long for a database: what runs is to be adopted.
    private static var patience: Seconds { 3 }

    /// Before anybody hears of this supervisor, and its edge opens.
    func hearLedger() async {
        guard ports.left != nil, active.generation != nil, life.door != .behind else { return }
        let asking = Task { ledgerSaid = .some(await leftBy()) }
        let deadline = ports.time.now().value + Self.patience.value
        while ledgerSaid == nil, ports.time.now().value < deadline { try? await ports.time.sleep(0.05) }
        asking.cancel()
        guard let rollout = ledgerSaid ?? nil, life.hear(.leave(rollout: rollout)) else { return }
        ports.log("the ledger says that rollout \(rollout) went on without this host: nobody is served")
        noteLife()
    }

    /// Until it is cancelled.
    func watchLedger() async {
        guard ports.left != nil else { return }
        while (try? await ports.time.sleep(Self.pause)) != nil {
            guard hasTakenOver, life.door != .behind, let rollout = await leftBy() else { continue }
            try? await leave(rollout: rollout)
        }
    }

    /// The rollout that went on without this host; nil: none, or nobody can tell.
    private func leftBy() async -> Int? {
        guard let own = plans.values.lazy.flatMap(\.instances).first?.host else { return nil }
        return try? await ports.left?().first { $0.name == own }?.by
    }
}
