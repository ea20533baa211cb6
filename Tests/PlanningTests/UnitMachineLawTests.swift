import Testing

@testable import Planning

@Suite("UnitMachine, randomised")
struct UnitMachineLawTests {
    /// A unit as it truly is, systemd's restarts and all.
    private struct Unit {
        var clock: UInt64 = 0
        var pid: Int32 = 100
        var truth = UnitMachine.Sighting(life: nil, end: nil)
        /// What systemd said and the bus has not delivered.
        var onTheWay: [UnitMachine.Sighting] = []

        mutating func begin(_ dice: inout SeededDice) {
            clock += 1
            // Pids come round again.
            pid = 100 + Int32(dice.next() % 3)
            truth = .init(life: .init(pid: pid, startedAt: clock), end: nil)
        }

        mutating func die(_ dice: inout SeededDice) {
            guard truth.life != nil, truth.end == nil else { return }
            truth.end = dice.next().isMultiple(of: 2) ? .signalled(9) : .exited(code: Int32(dice.next() % 3))
        }

        var living: UnitMachine.Life? { truth.end == nil ? truth.life : nil }
    }

    private struct Run {
        var unit = Unit()
        var machine = UnitMachine()
        var given: Set<UnitMachine.Life> = []
        var told: [UnitMachine.Life: UnitMachine.End] = [:]
        var causes: [UnitMachine.Life: UnitMachine.End] = [:]
        /// Whose end has come to the machine's ears.
        var heardDead: Set<UnitMachine.Life> = []

        /// Nil when no law is broken.
        mutating func handle(_ event: UnitMachine.Event) -> String? {
            if case .told(let sighting) = event, sighting.end != nil { sighting.life.map { _ = heardDead.insert($0) } }
            if case .found(let sighting) = event, sighting.end != nil { sighting.life.map { _ = heardDead.insert($0) } }
            for case .ended(let life, let end) in machine.handle(event) {
                if !given.contains(life) { return "told of \(life), which nobody was given" }
                if told.updateValue(end, forKey: life) != nil { return "told twice of \(life)" }
                if unit.living == life { return "told of \(life), which goes on" }
                if end != .unknown, end != causes[life] { return "\(end) is not why \(life) ended" }
            }
            let late = given.first { heardDead.contains($0) && told[$0] == nil }
            if let late { return "kept the end of \(late) back" }
            if let life = unit.living, machine.watched == life, !given.contains(life) { return "watches \(life)" }
            return nil
        }
    }

    @Test("signals late, twice, in any order or never: each life given out ends exactly once, none while it goes on")
    func anyOrder() {
        for seed in 0..<40_000 {
            var dice = SeededDice(state: UInt64(seed))
            var run = Run()
            for step in 0..<Int(dice.next() % 40) + 1 {
                if let broken = act(&run, &dice) {
                    Issue.record("seed \(seed), step \(step): \(broken)")
                    return
                }
            }
            // A comparison, as after a reconnection, and all is known.
            let broken = run.handle(.found(run.unit.truth))
            let missing = run.given.filter { run.told[$0] == nil && run.unit.living != $0 }
            if broken != nil || !missing.isEmpty {
                Issue.record("seed \(seed): \(broken ?? "never told of \(missing)")")
                return
            }
        }
    }

    @Test("nothing lost, all in order: every death is told with its cause as soon as systemd tells it")
    func inOrder() {
        for seed in 0..<5_000 {
            var dice = SeededDice(state: UInt64(seed))
            var run = Run()
            for _ in 0..<Int(dice.next() % 20) + 1 {
                run.unit.begin(&dice)
                var broken = run.handle(.told(run.unit.truth))
                guard let life = run.unit.living else { continue }
                run.given.insert(life)
                broken = broken ?? run.handle(.givenOut(life))
                run.unit.die(&dice)
                run.causes[life] = run.unit.truth.end
                broken = broken ?? run.handle(.told(run.unit.truth))
                if broken != nil || run.told[life] != run.unit.truth.end {
                    Issue.record("seed \(seed): \(broken ?? "\(life) was not told")")
                    return
                }
            }
        }
    }

    private func act(_ run: inout Run, _ dice: inout SeededDice) -> String? {
        switch dice.next() % 10 {
        case 0, 1: begin(&run, &dice)
        case 2, 3:
            run.unit.die(&dice)
            if let life = run.unit.truth.life { run.causes[life] = run.unit.truth.end }
            say(&run, &dice)
        case 4, 5, 6: return deliver(&run, &dice)
        case 7: return run.handle(.found(run.unit.truth))
        default:
            // A start ends with a look; until its answer is acted upon, more may happen.
            let found = run.unit.truth
            if let broken = run.handle(.found(found)) { return broken }
            if dice.next().isMultiple(of: 3) {
                run.unit.die(&dice)
                if let life = run.unit.truth.life { run.causes[life] = run.unit.truth.end }
                if dice.next().isMultiple(of: 2), let broken = run.handle(.told(run.unit.truth)) { return broken }
                if let broken = deliver(&run, &dice) { return broken }
            }
            guard let life = found.life, run.told[life] == nil else { return nil }
            run.given.insert(life)
            return run.handle(.givenOut(life))
        }
        return nil
    }

    private func deliver(_ run: inout Run, _ dice: inout SeededDice) -> String? {
        guard !run.unit.onTheWay.isEmpty else { return nil }
        let index = Int(dice.next() % UInt64(run.unit.onTheWay.count))
        let sighting = run.unit.onTheWay[index]
        // Delivered again some other time, perhaps.
        if dice.next().isMultiple(of: 2) { run.unit.onTheWay.remove(at: index) }
        return run.handle(.told(sighting))
    }

    private func begin(_ run: inout Run, _ dice: inout SeededDice) {
        guard run.unit.living == nil else { return }
        run.unit.begin(&dice)
        say(&run, &dice)
    }

    private func say(_ run: inout Run, _ dice: inout SeededDice) {
        if !dice.next().isMultiple(of: 4) { run.unit.onTheWay.append(run.unit.truth) }
    }
}
