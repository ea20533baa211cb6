import Fleet
import Planning
import Ports

// More instances of the generation that serves, or fewer, without touching the others.
extension FleetOperator {
    /// Only of a generation that runs as it should: else a new one puts right what is not.
    func isWhole(_ plan: GenerationPlan) async throws -> Bool {
        let report = try await ports.asking { try await $0.status(newerThan: nil, timeout: 0) }
        return report.status.generation == plan.number && report.generations == [plan]
    }

    func scale(_ current: GenerationPlan, to target: GenerationPlan, over record: LedgerRecord) async throws -> Result {
        let scaling = ScalingRecord(number: record.nextGeneration, target: target)
        return try await carryOut(scaling, of: current, over: record)
    }

    /// Goes on with one that was cut, the way it was going.
    func goOnScaling(_ record: LedgerRecord) async throws -> Result {
        guard let scaling = record.scaling, let current = record.current else {
            return .unchanged(corrected: [])
        }
        ports.progress.step(
            "going on with the change from \(current.instances.count) to "
                + "\(scaling.target.instances.count) instances")
        return try await carryOut(scaling, of: current, over: record)
    }

    /// Before anything else is done: forward when it is what is wished, else back, where that can be.
    func settleScaling(_ record: LedgerRecord, wish: Digest) async throws -> LedgerRecord {
        guard var scaling = record.scaling, let current = record.current else { return record }
        if scaling.target.wish != wish, !scaling.isPastReturn, scaling.undoing == nil {
            scaling.undoing = "something else was asked for"
        }
        do {
            _ = try await carryOut(scaling, of: current, over: record)
        } catch let failure as Failure where failure.code == .failed {
            // Taken back, which is what was wanted.
            guard try await ports.ledger.load().scaling == nil else { throw failure }
        }
        return try await ports.ledger.load()
    }

    /// Nil when none is open, or when it is too late: then it is at its end.
    func takeBackScaling(_ record: LedgerRecord) async throws -> Result? {
        guard var scaling = record.scaling, let current = record.current else { return nil }
        if scaling.isPastReturn {
            _ = try await carryOut(scaling, of: current, over: record)
            return nil
        }
        scaling.undoing = scaling.undoing ?? "rolled back by an operator"
        do {
            _ = try await carryOut(scaling, of: current, over: record)
        } catch let failure as Failure where failure.code == .failed {
            guard try await ports.ledger.load().scaling == nil else { throw failure }
        }
        try await waitUntilConverged(current)
        return .undone(generation: current.number, release: current.release, rolledTo: scaling.target.release)
    }

    private func carryOut(
        _ scaling: ScalingRecord, of current: GenerationPlan, over record: LedgerRecord
    ) async throws -> Result {
        let amendment = Amendment(old: current, target: scaling.target)
        var origin = context
        origin.spec = scaling.target.origin.spec
        origin.profile = scaling.target.origin.profile
        var runner = ScaleRunner(
            ports: ports, credentials: InstanceCredentials(ports: ports, context: origin), seams: seams,
            amendment: amendment, record: record, scaling: scaling,
            machine: ScaleMachine(amendment, isPastReturn: scaling.isPastReturn, undoing: scaling.undoing))
        let change = "\(current.instances.count) to \(scaling.target.instances.count) instances"
        switch try await runner.run() {
        case .converged:
            try await waitUntilConverged(scaling.target)
            return .converged(generation: current.number, from: current.release, to: scaling.target.release)
        case .unfinished(let step, let why):
            throw Failure(
                .failed, "generation \(current.number) serves, but \(step.words) failed", because: why,
                next: "run `convoy resume`; it tries again")
        case .undone(let reason):
            throw Failure(
                .failed, "the change from \(change) stopped; the \(current.instances.count) served throughout",
                because: reason, next: "see `convoy logs`; nothing has changed")
        case .undoFailed(let reason, let then):
            throw Failure(
                .revertFailed, "the change from \(change) stopped and could not be undone",
                because: "\(reason); then: \(then)",
                next: "run `convoy status`, mend the cause, then `convoy resume`: it goes on undoing")
        }
    }
}
