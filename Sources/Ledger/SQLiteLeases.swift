import Fleet
import GRDB
import Planning
import Ports

/// The lease beside the ledger, in the same file: so one transaction can ask about it and write.
package struct SQLiteLeases: LedgerHome {
    let database: LedgerDatabase
    let witness: any LeaseWitness

    package init(database: LedgerDatabase, witness: any LeaseWitness = SystemWitness()) {
        self.database = database
        self.witness = witness
    }

    /// Writes under the lease of that fence; without one it can only be read.
    package func ledger(under fence: Int?) -> any Ports.Ledger {
        SQLiteLedger(database: database, witness: witness, fence: fence)
    }

    package func acquire(_ holder: LeaseHolder, lifetime: Seconds) async throws -> OperatorLease {
        try await change { [witness] in
            try $0.acquire(holder, lifetime: lifetime, at: witness.now(), isGone: witness.isGone)
        }
    }

    package func renew(_ fence: Int, lifetime: Seconds) async throws {
        do {
            try await changeAtOnce { [witness] in try $0.renew(fence, lifetime: lifetime, at: witness.now()) }
        } catch let busy as LedgerBusy {
            // Whose lease is good does not lose it because a write takes long: the next heartbeat may get through.
            throw Failure(
                .unavailable, "cannot say that this operator lives", because: "\(busy.path) is being written",
                next: "`convoy lease` tells who is at work on it")
        }
    }

    package func release(_ fence: Int) async throws { try await change { $0.release(fence) } }

    package func current() async throws -> OperatorLease? {
        try await machine().current(at: witness.now(), isGone: witness.isGone)
    }

    package func breakLease() async throws -> OperatorLease? {
        // Nobody held what nobody has made yet.
        guard try await machine().term != nil else { return nil }
        return try await change { [witness] in $0.breakTerm(at: witness.now(), isGone: witness.isGone) }
    }

    package func admit(_ fence: Int?) async throws {
        guard let fence else { throw Failure.namesNoLease }
        try await machine().check(fence, at: witness.now())
    }

    private func machine() async throws -> LeaseMachine {
        try await database.read { try LeaseTable.load($0) } ?? LeaseMachine()
    }

    private func change<Value: Sendable>(
        _ body: @escaping @Sendable (inout LeaseMachine) throws -> Value
    ) async throws -> Value {
        do {
            return try await changeAtOnce(body)
        } catch let busy as LedgerBusy {
            throw await database.failure(busy, witness)
        }
    }

    private func changeAtOnce<Value: Sendable>(
        _ body: @escaping @Sendable (inout LeaseMachine) throws -> Value
    ) async throws -> Value {
        try await database.write { db in
            var machine = try LeaseTable.load(db)
            let value = try body(&machine)
            try LeaseTable.save(machine, in: db)
            return value
        }
    }
}

extension LedgerDatabase {
    /// With the name of whoever has the lease: it can be read while somebody writes.
    /// - Parameter own: the fence of whoever asks; it is not told its own name.
    nonisolated func failure(_ busy: LedgerBusy, _ witness: any LeaseWitness, own: Int? = nil) async -> Failure {
        let machine = try? await read { try LeaseTable.load($0) }
        let holder = machine?.current(at: witness.now(), isGone: witness.isGone).flatMap { $0.fence == own ? nil : $0 }
        return LedgerFault.busy(busy.path, .write, holder: holder)
    }
}
