import Planning
import Ports
import Synchronization

/// Who is watched: turns what systemd says into exits. Fed by the bus's thread, in systemd's order.
final class UnitRoster: Sendable {
    let exits: AsyncStream<ProcessExit>
    private let continuation: AsyncStream<ProcessExit>.Continuation
    private let units = Mutex<[String: Entry]>([:])

    private struct Entry {
        let unit: UnitName
        var machine = UnitMachine()
        var records: [UnitMachine.Life: ProcessRecord] = [:]
        /// The last one that was told to have ended.
        var ended: ProcessRecord?
    }

    init() { (exits, continuation) = AsyncStream.makeStream() }

    deinit { continuation.finish() }

    func hear(_ event: SystemdBus.Event) {
        switch event {
        case .told(let path, let facts): hear(facts, path, UnitMachine.Event.told)
        case .found(let unit, let facts): hear(facts, unit.path, UnitMachine.Event.found)
        case .restored: break
        }
    }

    /// From now on the end of this life is told; at once, if it is over.
    func give(_ record: ProcessRecord, _ life: UnitMachine.Life, of unit: UnitName) {
        handle(.givenOut(life), unit.path) { units in
            if units[unit.path] == nil { units[unit.path] = Entry(unit: unit) }
            units[unit.path]?.records[life] = record
        }
    }

    /// The unit's last life that is over, if it began later than the given one.
    func lastEnd(of unit: UnitName, after life: UnitMachine.Life?) -> UnitMachine.Sighting? {
        guard let last = units.withLock({ $0[unit.path]?.machine.lastEnd }), let ended = last.life,
            ended.startedAt > life?.startedAt ?? 0
        else { return nil }
        return last
    }

    /// Whether its end was told, so that nobody need look.
    func isEnded(_ record: ProcessRecord, _ unit: UnitName) -> Bool {
        units.withLock { $0[unit.path]?.ended == record }
    }

    func youngest(of unit: UnitName) -> UnitMachine.Life? { units.withLock { $0[unit.path]?.machine.youngest.life } }

    /// From now on what systemd says of the unit is kept.
    func follow(_ unit: UnitName) {
        let path = unit.path
        units.withLock { if $0[path] == nil { $0[path] = Entry(unit: unit) } }
    }

    func forget(_ unit: UnitName) {
        let path = unit.path
        units.withLock { if $0[path]?.machine.watched == nil { $0[path] = nil } }
    }

    /// Those with a start under way too: what it found may have ended before its process is given out.
    var followed: [UnitName] { units.withLock { $0.values.map(\.unit) } }

    private func hear(_ facts: UnitFacts, _ path: String, _ event: (UnitMachine.Sighting) -> UnitMachine.Event) {
        guard let sighting = facts.sighting else { return }
        handle(event(sighting), path)
    }

    private func handle(
        _ event: UnitMachine.Event, _ path: String, preparing: (inout [String: Entry]) -> Void = { _ in }
    ) {
        // Told under the lock: the order of exits is the order of their causes.
        units.withLock { units in
            preparing(&units)
            for case .ended(let life, let end) in units[path]?.machine.handle(event) ?? [] {
                guard let record = units[path]?.records.removeValue(forKey: life) else { continue }
                units[path]?.ended = record
                continuation.yield(ProcessExit(record: record, cause: end.cause))
            }
        }
    }
}

extension UnitMachine.End {
    fileprivate var cause: ProcessExit.Cause {
        switch self {
        case .exited(let code): .exited(code: code)
        case .signalled(let number): .signalled(number)
        case .unknown: .unknown
        }
    }
}
