import Fleet
import Planning
import Ports

/// The ledger in memory as a place that it moves from or to.
package struct MemoryBerth: LedgerBerth {
    private let leases: MemoryLeases

    package init(_ leases: MemoryLeases) { self.leases = leases }

    package func standing() async throws -> LedgerStanding {
        leases.state.withLock {
            $0.standing == .serving && $0.record == nil && $0.journal.isEmpty ? .empty : $0.standing
        }
    }

    package func cargo() async throws -> LedgerCargo {
        leases.state.withLock {
            LedgerCargo(
                fence: $0.machine.fence, record: $0.record ?? LedgerRecord(),
                journals: Dictionary(grouping: $0.journal, by: \.rollout))
        }
    }

    package func stow(_ cargo: LedgerCargo, by ticket: String) async throws {
        try leases.state.withLock {
            guard $0.standing != .serving || $0.record == nil else {
                throw LedgerBreach(description: "one serves there")
            }
            $0.machine = LeaseMachine(fence: max($0.machine.fence, cargo.fence))
            $0.record = cargo.record
            $0.journal = cargo.journals.sorted { $0.key < $1.key }.flatMap(\.value)
            $0.standing = .arriving(ticket)
        }
    }

    package func leave(by ticket: String, under fence: Int) async throws {
        try leases.state.withLock {
            if $0.standing == .left(ticket) { return }
            try $0.checkServing()
            try $0.machine.check(fence, at: leases.witness.now())
            $0.machine = LeaseMachine(fence: fence)
            $0.standing = .left(ticket)
        }
    }

    package func open(by ticket: String) async throws {
        try leases.state.withLock {
            guard $0.standing == .arriving(ticket) || $0.standing == .serving else {
                throw LedgerBreach(description: "another move")
            }
            $0.standing = .serving
        }
    }
}
