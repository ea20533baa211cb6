import Fleet
import Planning
import Ports
import Synchronization

/// Lease and ledger in memory: they show that the contract asks for no more than these have.
package final class MemoryLeases: LedgerHome {
    struct State {
        var machine = LeaseMachine()
        var record: LedgerRecord?
        var journal: [JournalEntry] = []
        var standing = LedgerStanding.serving

        func checkServing() throws {
            if let failure = Failure.ledger(at: .file, is: standing) { throw failure }
        }
    }

    let state = Mutex(State())
    let witness: any LeaseWitness

    package init(witness: any LeaseWitness) { self.witness = witness }

    package func ledger(under fence: Int?) -> any Ledger { Book(leases: self, fence: fence) }

    package func acquire(_ holder: LeaseHolder, lifetime: Seconds) async throws -> OperatorLease {
        try state.withLock { [witness] in
            try $0.checkServing()
            return try $0.machine.acquire(holder, lifetime: lifetime, at: witness.now(), isGone: witness.isGone)
        }
    }
    package func renew(_ fence: Int, lifetime: Seconds) async throws {
        try state.withLock { [witness] in try $0.machine.renew(fence, lifetime: lifetime, at: witness.now()) }
    }
    package func release(_ fence: Int) async throws { state.withLock { $0.machine.release(fence) } }
    package func current() async throws -> OperatorLease? {
        state.withLock { [witness] in $0.machine.current(at: witness.now(), isGone: witness.isGone) }
    }
    package func breakLease() async throws -> OperatorLease? {
        state.withLock { [witness] in $0.machine.breakTerm(at: witness.now(), isGone: witness.isGone) }
    }
    package func admit(_ fence: Int?) async throws {
        guard let fence else { throw Failure.leaseIsLost(because: "the request names none") }
        try state.withLock { [witness] in
            try $0.checkServing()
            try $0.machine.check(fence, at: witness.now())
        }
    }

    private struct Book: Ledger {
        let leases: MemoryLeases
        let fence: Int?

        func load() async throws -> LedgerRecord {
            try leases.state.withLock {
                try $0.checkServing()
                return $0.record ?? LedgerRecord()
            }
        }
        func save(_ record: LedgerRecord) async throws {
            try write { state in
                state.record = record
                state.record?.audit = Array(record.audit.suffix(500))
            }
        }
        func append(_ entry: JournalEntry) async throws -> Int {
            try write { state in
                var entry = entry
                entry.index = state.journal.count { $0.rollout == entry.rollout } + 1
                state.journal.append(entry)
                return entry.index
            }
        }
        func journal(of rollout: Int) async throws -> [JournalEntry] {
            leases.state.withLock { $0.journal.filter { $0.rollout == rollout } }
        }

        private func write<Value: Sendable>(_ body: (inout State) -> Value) throws -> Value {
            try leases.state.withLock { state in
                guard let fence else { throw Failure.leaseIsLost(because: "there never was one") }
                try state.checkServing()
                try state.machine.check(fence, at: leases.witness.now())
                return body(&state)
            }
        }
    }
}
