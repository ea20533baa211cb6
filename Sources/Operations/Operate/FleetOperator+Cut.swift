import Fleet
import Planning
import Ports

/// A rollout that has not come to its end.
struct OpenRollout {
    let plan: GenerationPlan
    var record: RolloutRecord
    /// Begun last.
    let step: RolloutStep
    /// The generation that it brings up has the new traffic.
    let serves: Bool

    var place: RolloutPlace {
        RolloutPlace(
            step: step, serves: serves, mayServe: record.flipped, isUndoing: record.undoing, reason: record.reason)
    }

    /// What was on its way out and is not served any more is nothing to go back to.
    var from: Int? { step.isPastReturn && !serves ? nil : record.from }
}

// A rollout that was cut: by whom ever, wherever.
extension FleetOperator {
    package enum Resumption: Sendable, Equatable {
        case nothingOpen
        case went(Result)
    }

    /// Goes on with the rollout that was cut, the way it was going. Throws when that ends with the old
    /// generation serving.
    package func resume() async throws -> Resumption {
        var record = try await ports.ledger.load()
        try await tellBehind(record)
        if record.scaling != nil {
            _ = try await ports.launcher.ensureRunning()
            let result = try await goOnScaling(record)
            record = try await ports.ledger.load()
            // Older than it is a rollout that was cut: it was settled before.
            if !Self.isOpen(record) { return .went(result) }
        }
        guard Self.isOpen(record) else {
            // Whoever cut the operator may have cut the supervisor a moment later, when all was done.
            if record.current != nil { _ = try await ports.launcher.ensureRunning() }
            // An older convoy, cut after its flip, leaves the old generation and no note of it.
            let report = try? await ports.control.status(newerThan: nil, timeout: 0)
            if let report, report.generations.count > 1 || report.lacksInstances {
                _ = try await clearLeftovers(record)
            }
            return .nothingOpen
        }
        _ = try await ports.launcher.ensureRunning()
        guard let open = try await openRollout(record) else { return .nothingOpen }
        return .went(try await takeUp(open, over: record))
    }

    /// Takes back the rollout that was cut, if it can be and there is one.
    func takeBack(_ record: LedgerRecord) async throws -> Result? {
        guard let open = try await openRollout(record) else { return nil }
        var runner = try await runner(open, over: record)
        if open.record.verb == "rollback" {
            // It was on its way to where it is wished again.
            let outcome = try await runner.run()
            if case .undone = outcome { return nil }
            return try conclude(outcome, of: runner, over: record)
        }
        guard runner.machine.isUndoing || runner.machine.canTurnBack else {
            // Too late: what it was to replace has gone. It is finished, and then rolled back like any other.
            _ = try await takeUp(open, over: record)
            return nil
        }
        _ = runner.machine.turnBack("rolled back by an operator")
        let outcome = try await runner.run()
        guard case .undone = outcome else { return try conclude(outcome, of: runner, over: record) }
        let serving = record.current.flatMap { $0.number == open.record.from ? $0 : nil }
        if let serving { try await waitUntilConverged(serving) }
        return .undone(generation: serving?.number, release: serving?.release, rolledTo: open.plan.release)
    }

    /// Goes on when the open rollout is what is wished anyway.
    func goOn(_ record: LedgerRecord, wish: Digest, verb: String) async throws -> Result? {
        guard var open = try await openRollout(record), open.plan.wish == wish, !open.place.isUndoing else {
            return nil
        }
        open.record.verb = verb
        ports.progress.step("going on with generation \(open.plan.number), cut at: \(open.step.words)")
        return try await takeUp(open, over: record)
    }

    /// Another wish than the open rollout's: it is taken back where it can be, else its flip is what counts.
    func settle(_ record: LedgerRecord, wish: Digest) async throws -> LedgerRecord {
        guard let open = try await openRollout(record) else { return try await clearLeftovers(record) }
        var runner = try await runner(open, over: record)
        let goesBack = !open.serves || record.current?.wish == wish
        guard runner.machine.isUndoing || (goesBack && runner.machine.canTurnBack) else {
            return try await clearLeftovers(record)
        }
        _ = runner.machine.turnBack("another release was asked for")
        let outcome = try await runner.run()
        if case .undone = outcome {} else { _ = try conclude(outcome, of: runner, over: record) }
        return try await clearLeftovers(try await ports.ledger.load())
    }

    static func isOpen(_ record: LedgerRecord) -> Bool {
        record.next != nil || record.rollout?.state == .open || record.rollout?.state == .undoFailed
    }

    private func openRollout(_ record: LedgerRecord) async throws -> OpenRollout? {
        guard Self.isOpen(record) else { return nil }
        let report = try await ports.asking { try await $0.status(newerThan: nil, timeout: 0) }
        let serving = report.status.generation
        if let rollout = record.rollout, rollout.state == .open || rollout.state == .undoFailed,
            let plan = [record.next, record.current].compactMap(\.self).first(where: { $0.number == rollout.number })
        {
            let begun = try await ports.ledger.journal(of: rollout.number).last { $0.mark == .intent }?.step
            let step = RolloutStep(rawValue: begun ?? rollout.step) ?? .preflight
            return OpenRollout(plan: plan, record: rollout, step: step, serves: serving == plan.number)
        }
        guard let plan = record.next else { return nil }
        // Begun by a convoy that kept no journal: its users may be there, its flip has perhaps happened.
        let rollout = RolloutRecord(
            number: plan.number, verb: "rollout", strategy: plan.rollout.strategy.rawValue,
            from: record.current?.number, flipped: serving == plan.number, startedAt: ports.time.wallClock(),
            holder: seams.holder)
        // What runs has its passwords: it must not get others.
        let isBegun = report.generations.contains { $0.number == plan.number }
        return OpenRollout(
            plan: plan, record: rollout, step: isBegun ? .start : .stage, serves: serving == plan.number)
    }

    private func takeUp(_ open: OpenRollout, over record: LedgerRecord) async throws -> Result {
        var open = open
        if seams.acceptsBreaking { open.record.acceptsBreaking = true }
        var runner = try await runner(open, over: record)
        let result = try conclude(try await runner.run(), of: runner, over: record)
        // Cut with all its processes, it may have come to its end before they are back.
        try await waitUntilConverged(open.plan)
        return result
    }

    /// As it was planned, not as fleet.yaml may say by now.
    private func runner(_ open: OpenRollout, over record: LedgerRecord) async throws -> RolloutRunner {
        var origin = context
        origin.spec = open.plan.origin.spec
        origin.profile = open.plan.origin.profile
        let credentials = InstanceCredentials(ports: ports, context: origin)
        try await credentials.checkAdmin(removing: [record.current, open.plan].compactMap(\.self))
        return RolloutRunner(
            ports: ports, credentials: credentials, seams: seams, plan: open.plan, record: record,
            rollout: open.record,
            machine: RolloutMachine(
                plan: open.plan, current: open.from,
                before: record.current.flatMap { $0.number == open.from ? $0 : nil },
                from: open.place))
    }

    /// A host that was cut off when the others went back, and serves nobody since, is told so now.
    private func callBack(_ report: StatusReport) async throws {
        let serving = report.status.generation
        let ahead = report.status.hosts.filter { $0.generation.map { $0 > serving } ?? false }
        guard serving > 0, !ahead.isEmpty else { return }
        ports.progress.step("\(ahead.map(\.name).joined(separator: ", ")): back to generation \(serving)")
        try await ports.control.flip(to: serving)
    }

    /// What is left that no journal tells of: it never served, or serves no more, so it goes.
    func clearLeftovers(_ record: LedgerRecord) async throws -> LedgerRecord {
        let report = try await ports.asking { try await $0.status(newerThan: nil, timeout: 0) }
        var cleaned = record
        if let cut = record.next {
            if report.status.generation == cut.number {
                // It was cut between the flip and its note: the flip is what counts.
                cleaned.previous = record.current
                cleaned.current = cut
            }
            cleaned.next = nil
            cleaned.nextGeneration = max(record.nextGeneration, cut.number + 1)
        }
        if let serving = report.generations.first(where: { $0.number == report.status.generation }),
            let current = cleaned.current, current.number != serving.number
        {
            // It was cut between the flip back and its note.
            cleaned.current = serving
            cleaned.nextGeneration = max(cleaned.nextGeneration, current.number + 1)
            if cleaned.previous?.number == serving.number { cleaned.previous = nil }
        }
        cleaned.closeRollout("taken over by a later command", at: ports.time.wallClock())
        try await callBack(report)
        try await makeWhole(report)
        for stray in report.generations where stray.number != report.status.generation {
            ports.progress.step("taking away generation \(stray.number), left by an earlier command")
            let drain = stray.number == record.next?.number ? 0 : stray.rollout.drain
            try await ports.control.retire(stray.number, drain: drain)
            try await credentials.remove(of: stray)
        }
        if let cut = record.next, cut.number != cleaned.current?.number { try await credentials.remove(of: cut) }
        if cleaned != record { try await ports.ledger.save(cleaned) }
        let serving = report.generations.filter { $0.number == report.status.generation }
        try await credentials.removeStrays(keeping: serving + [cleaned.current].compactMap(\.self))
        return cleaned
    }
}

extension LedgerRecord {
    /// Nobody will go on with it.
    mutating func closeRollout(_ reason: String, at time: Double) {
        guard var open = rollout, open.state == .open || open.state == .undoFailed else { return }
        open.state = current?.number == open.number ? .converged : .undone
        if open.state == .undone, open.reason.isEmpty { open.reason = reason }
        open.endedAt = time
        rollout = open
    }
}
