import Fleet
import Planning

/// Where a fleet's ledger lies: its lease, and the ledger that is written under it.
package protocol LedgerHome: LeaseStore, LeaseGuard {
    /// Writes under the lease of that fence; without one it can only be read.
    func ledger(under fence: Int?) -> any Ledger
}

extension LedgerHome {
    package func ledger() -> any Ledger { ledger(under: nil) }
}

/// All that a ledger holds.
package struct LedgerCargo: Sendable, Equatable, Codable {
    /// The newest that was ever given: it goes on counting up wherever the ledger goes.
    package var fence: Int
    package var record: LedgerRecord
    /// Each rollout's, by its number, in order.
    package var journals: [Int: [JournalEntry]]

    package init(fence: Int, record: LedgerRecord, journals: [Int: [JournalEntry]]) {
        self.fence = fence
        self.record = record
        self.journals = journals
    }
}

/// A place that a ledger moves from or to. Each step can be done again. While it isn't serving its home refuses
/// every question, with what to do next.
package protocol LedgerBerth: Sendable {
    func standing() async throws -> LedgerStanding
    /// Whatever its standing; empty where nothing is.
    func cargo() async throws -> LedgerCargo
    /// Replaces what is there, which must not serve, and makes it `.arriving`.
    func stow(_ cargo: LedgerCargo, by ticket: String) async throws
    /// Makes what serves `.left`, and ends its lease, in one step that asks for the lease.
    func leave(by ticket: String, under fence: Int) async throws
    /// Makes `.arriving` by that ticket serve. Nothing happens when it does already.
    func open(by ticket: String) async throws
}
