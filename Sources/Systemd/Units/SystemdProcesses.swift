import Fleet
import Glibc
import Planning
import Ports

/// The systemd backend: each process is a unit, and systemd is its parent. Units restart by themselves,
/// also while no supervisor runs; a start then takes what it finds.
package final class SystemdProcesses: ProcessBackend {
    package var exits: AsyncStream<ProcessExit> { roster.exits }
    let roster: UnitRoster
    let calls: SystemdCalls
    let units: UnitFiles
    let reload: UnitReload

    /// - Parameters:
    ///   - unitsDirectory: where instances' unit files are written; systemd must look there.
    ///   - address: of the bus; nil for the system's.
    package init(
        unitsDirectory: String = "/etc/systemd/system", files: any FileStore,
        deadlines: SystemdDeadlines = SystemdDeadlines(), address: String? = nil
    ) throws {
        let roster = UnitRoster()
        let reunion = Reunion()
        let bus = try SystemdBus(address: address) { event in
            roster.hear(event)
            if case .restored = event { reunion.announce() }
        }
        self.roster = roster
        calls = SystemdCalls(bus: bus, deadlines: deadlines)
        units = UnitFiles(directory: unitsDirectory, files: files)
        reload = UnitReload { try await bus.call(.manage("Reload"), timeout: deadlines.reload) }
        // Weakly: this task must not keep alive whose end ends it.
        reunion.whenever { [weak roster, weak bus] in
            guard let roster, let bus else { return }
            await roster.compare(SystemdCalls(bus: bus, deadlines: deadlines))
        }
    }

    package func start(_ plan: ProcessPlan) async throws -> ProcessRecord {
        let unit = plan.unit.map { UnitName($0.path) } ?? UnitName(id: plan.id)
        let isRewritten = try plan.unit.map { try units.put($0) } ?? false
        roster.follow(unit)
        let starter = UnitStarter(
            id: plan.id, unit: unit, processes: self, predecessor: roster.youngest(of: unit))
        return try await calls.persisting("start \(plan.id)", unit) {
            try await starter.run(isRewritten: isRewritten)
        }
    }

    package func adopt(_ record: ProcessRecord) async -> Bool {
        let unit = UnitName(id: record.id)
        guard record.pid > 1, let life = await life(of: record, unit) else { return false }
        roster.give(record, life, of: unit)
        return true
    }

    /// TERM, INT and QUIT stop the unit: systemd sends the signal that the unit names, kills what is left of
    /// the group after its `TimeoutStopSec`, and does not start it again. They mean the given process: when
    /// systemd has put another in its place already, `retire` is what ends that one.
    package func signal(_ record: ProcessRecord, _ signal: ProcessSignal, wholeGroup: Bool) async {
        let unit = UnitName(id: record.id)
        guard !roster.isEnded(record, unit), await life(of: record, unit) != nil else { return }
        // Nobody waits for words here: who does not obey is found by its deadline.
        try? await calls.persisting("signal \(record.id)", unit) {
            switch signal {
            case .term, .int, .quit: try await calls.begin("StopUnit", unit)
            case .kill: try await calls.kill(unit, whom: wholeGroup ? "all" : "main", SIGKILL)
            case .hup: try await calls.kill(unit, whom: "main", SIGHUP)
            }
        }
    }

    /// The life that the record stands for, if it goes on.
    private func life(of record: ProcessRecord, _ unit: UnitName) async -> UnitMachine.Life? {
        roster.follow(unit)
        let facts = try? await calls.persisting("look at \(record.id)", unit) { try await calls.look(unit, .service) }
        guard let sighting = facts?.sighting, sighting.end == nil, let life = sighting.life, life.pid == record.pid,
            units.startTicks(of: life.pid) == record.startTicks
        else { return nil }
        return life
    }
}

extension UnitFiles {
    /// Nil when there is no such process.
    func startTicks(of pid: Int32) -> UInt64? {
        (try? files.read("/proc/\(pid)/stat")).flatMap { ProcessStatLine($0)?.startTicks }
    }
}

extension UnitRoster {
    /// After the bus or systemd was away: whoever died meanwhile is found out.
    func compare(_ calls: SystemdCalls) async {
        for unit in followed {
            // The answer itself is heard by the roster. Whatever stays away longer than this returns with
            // an announcement of its own.
            _ = try? await calls.persisting("look at \(unit.text)", unit) { try await calls.look(unit, .service) }
        }
    }
}

/// Passes on that the bus is back to whoever compares; announcements before that, and during a comparison,
/// are one.
final class Reunion: Sendable {
    private let announcements: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (announcements, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    deinit { continuation.finish() }

    func announce() { continuation.yield() }

    func whenever(_ act: @escaping @Sendable () async -> Void) {
        Task { [announcements] in for await _ in announcements { await act() } }
    }
}
