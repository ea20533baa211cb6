import Fleet
import Planning
import Ports

/// One start of a unit, from the look at its state to the record of its process.
struct UnitStarter {
    let id: String
    let unit: UnitName
    let processes: SystemdProcesses
    /// The last life before this start.
    let predecessor: UnitMachine.Life?

    private var calls: SystemdCalls { processes.calls }

    /// May be run again when systemd was lost on the way: each step is chosen by what is found.
    func run(isRewritten: Bool) async throws -> ProcessRecord {
        var hasReloaded = false
        var interruptions = 0
        while true {
            let step = try await step(isRewritten, hasReloaded)
            if case .refuse(let why, let next) = step {
                throw Failure(.failed, "cannot start \(id)", because: why, next: next)
            }
            guard let job = try await take(step) else {
                hasReloaded = true
                continue
            }
            if let record = try await record(job: job) { return record }
            // Somebody's `systemctl restart` or `stop` came in between: look what became of it.
            interruptions += 1
            guard interruptions < 6 else {
                throw UnitFault(job: "canceled", result: "", end: .unknown).failure(id: id, unit: unit)
            }
        }
    }

    /// The result of the job, `done` when none is needed; nil when the unit files were read again.
    private func take(_ step: UnitStart.Step) async throws -> String? {
        switch step {
        case .takeIt, .refuse: return "done"
        case .join: return try await calls.job("StartUnit", unit)
        case .replace: return try await calls.job("RestartUnit", unit)
        case .begin:
            try await calls.resetFailed(unit)
            return try await calls.job("StartUnit", unit)
        case .reload:
            try await processes.reload.run()
            return nil
        }
    }

    private func step(_ isRewritten: Bool, _ hasReloaded: Bool) async throws -> UnitStart.Step {
        let facts = try await calls.look(unit, .unit)
        let hasMain = facts.activeState == "active" ? try await calls.look(unit, .service).mainPID > 0 : false
        return UnitStart(
            loadState: facts.loadState, loadError: facts.loadError, activeState: facts.activeState,
            needsReload: facts.needsReload, hasMainProcess: hasMain
        ).step(unit: unit, isRewritten: isRewritten, hasReloaded: hasReloaded)
    }

    /// Nil when somebody took it away meanwhile.
    private func record(job: String) async throws -> ProcessRecord? {
        if job == "canceled" { return nil }
        let facts = try await calls.look(unit, .service)
        if job == "done", let sighting = facts.sighting, let life = sighting.life { return give(life, sighting.end) }
        // By now its next life may have begun, or systemd has let go of the unit: they know nothing of its end.
        let last = processes.roster.lastEnd(of: unit, after: predecessor)
        let fault = UnitFault(job: job, result: facts.result, end: last?.end ?? .unknown)
        if job == "done" || fault.isProgramsOwn { return last?.life.map { give($0, last?.end) } }
        // Else systemd would go on trying what the caller believes not to run.
        try await calls.begin("StopUnit", unit)
        throw fault.failure(id: id, unit: unit)
    }

    private func give(_ life: UnitMachine.Life, _ end: UnitMachine.End?) -> ProcessRecord {
        // Gone already: no process has these ticks, so nobody adopts it; its end is told at once.
        let ticks = end == nil ? processes.units.startTicks(of: life.pid) : nil
        let record = ProcessRecord(id: id, pid: life.pid, startTicks: ticks ?? 0)
        processes.roster.give(record, life, of: unit)
        return record
    }
}
