import Fleet
import Planning
import Ports

/// The ledger did not take it: nothing may be done on.
struct JournalFailure: Error {
    let failure: Failure
}

// Two synced lines a step; the record itself is written only where a fact changes that a later convoy must
// know before it reads the journal.
extension RolloutRunner {
    mutating func open() async throws {
        rollout.state = .open
        rollout.endedAt = nil
        record.nextGeneration = max(record.nextGeneration, plan.number + 1)
        if record.current?.number != plan.number { record.next = plan }
        try await save()
    }

    /// Facts that hold from the moment that the step is begun.
    mutating func note(_ step: RolloutStep) async throws {
        var facts = rollout
        facts.flipped = facts.flipped || step == .flip
        facts.undoing = machine.isUndoing
        facts.reason = machine.reason
        let isFirstPastReturn = step.isPastReturn && RolloutStep(rawValue: rollout.step)?.isPastReturn != true
        let isNews = facts != rollout || isFirstPastReturn
        facts.step = step.rawValue
        rollout = facts
        if isNews { try await save() }
    }

    mutating func close(_ outcome: RolloutMachine.Outcome) async throws {
        switch outcome {
        case .converged: rollout.state = .converged
        case .undone:
            rollout.state = .undone
            // The fleet went nowhere that they are not.
            let number = plan.number
            record.readmit { $0.by == number }
        case .undoFailed: rollout.state = .undoFailed
        // Still to be done: `resume` goes on with it.
        case .unfinished(_, let why): rollout.reason = why
        }
        rollout.endedAt = rollout.state == .open ? nil : ports.time.wallClock()
        record.note(
            LedgerRecord.AuditEntry(
                at: ports.time.wallClock(), verb: rollout.verb, outcome: "\(plan.release.version): \(outcome)"))
        try await save()
    }

    mutating func save() async throws {
        record.rollout = rollout
        do { try await ports.ledger.save(record) } catch { throw lost(error) }
    }

    func journal(_ mark: JournalEntry.Mark, _ step: RolloutStep, _ detail: String) async throws {
        var entry = JournalEntry(
            rollout: plan.number, at: ports.time.wallClock(), step: step.rawValue, mark: mark, detail: detail)
        do { entry.index = try await ports.ledger.append(entry) } catch { throw lost(error) }
        seams.journaled(entry)
    }

    private func lost(_ error: any Error) -> JournalFailure {
        if let failure = error as? Failure, failure.code == .leaseHeld { return JournalFailure(failure: failure) }
        return JournalFailure(
            failure: Failure(
                .failed, "the rollout stopped where it was",
                because: "the ledger can't be written: \(FleetSupervisor.words(error))",
                next: "mend that, then `convoy resume` goes on, or `convoy rollback` goes back"))
    }
}

extension LedgerRecord {
    /// Adds to the audit, which keeps the newest 500.
    mutating func note(_ entry: AuditEntry) {
        audit.append(entry)
        if audit.count > 500 { audit.removeFirst(audit.count - 500) }
    }
}
