import Fleet
import Planning
import Testing

@Suite("KeyRefreshMachine, randomised")
struct KeyRefreshMachineLawTests {
    /// What a test knows from the events and actions alone.
    private struct Known {
        var now = 0.0
        var forcedAt: [Double] = []
        /// Numbers of begun fetches whose end was not told yet, with their begin.
        var open: [(number: Int, since: Double)] = []
        var kept: Double?
        var alarm: Double?
    }

    @Test("no order of events forces more fetches than the limit, or serves keys beyond the bound", arguments: 1...400)
    func anyOrder(seed: Int) {
        var dice = SeededDice(state: UInt64(seed))
        let policy = KeyRefreshMachine.Policy(
            forcedEvery: Seconds(Double.random(in: 1...100, using: &dice)),
            staleLimit: Seconds(Double.random(in: 600...5000, using: &dice)))
        var machine = KeyRefreshMachine(policy: policy)
        var known = Known()
        for step in 0..<400 {
            known.now += Double.random(in: 0..<(step.isMultiple(of: 17) ? 4000 : 40), using: &dice)
            let event = event(&dice, known)
            let wasFetching = machine.isFetching
            let actions = machine.handle(event)
            if let broken = check(event, actions, wasFetching, machine, &known) {
                Issue.record("seed \(seed), step \(step), \(event): \(broken)")
                return
            }
        }
    }

    private func event(_ dice: inout SeededDice, _ known: Known) -> KeyRefreshMachine.Event {
        let at = Seconds(known.now)
        let luck = Double.random(in: -0.5...1.5, using: &dice)
        // Also numbers that were never begun, or ended long ago.
        let number = known.open.randomElement(using: &dice)?.number ?? Int.random(in: 0...9, using: &dice)
        switch Int.random(in: 0..<8, using: &dice) {
        case 0, 1: return .wake(at: at)
        case 2, 3, 4: return .forced(at: at)
        case 5: return .failed(number, "away", at: at, dice: luck)
        default:
            let ages: [Double?] = [nil, 0, 60, 900, 1e9, -1, .nan, .infinity]
            return .fetched(
                number, maxAge: (ages.randomElement(using: &dice) ?? nil).map { Seconds($0) }, at: at, dice: luck)
        }
    }

    private func check(
        _ event: KeyRefreshMachine.Event, _ actions: [KeyRefreshMachine.Action], _ wasFetching: Bool,
        _ machine: KeyRefreshMachine, _ known: inout Known
    ) -> String? {
        for action in actions {
            switch action {
            case .fetch(let number):
                if wasFetching { return "two fetches at once" }
                if known.open.contains(where: { $0.number >= number }) { return "a number twice" }
                known.open.append((number, known.now))
                if case .forced = event {
                    if let last = known.forcedAt.last, known.now - last < machine.policy.forcedEvery.value {
                        return "forced too often"
                    }
                    known.forcedAt.append(known.now)
                }
            case .wake(let after):
                if !(after.value > 0 && after.value <= 3600) { return "an alarm after \(after.value) s" }
                known.alarm = known.now + after.value
            case .keep:
                guard case .fetched(let number, _, _, _) = event,
                    let fetch = known.open.first(where: { $0.number == number })
                else { return "keeps what nobody fetched" }
                known.kept = fetch.since
            }
        }
        if let number = ended(event) { known.open.removeAll { $0.number == number } }
        for age in [0, machine.policy.staleLimit.value, machine.policy.staleLimit.value + 1] {
            let isYoung = known.kept.map { known.now + age - $0 <= machine.policy.staleLimit.value } ?? false
            if machine.mayServe(at: Seconds(known.now + age)) != isYoung { return "serves keys beyond their bound" }
        }
        if known.alarm == nil, case .wake = event { return "no alarm is set" }
        return nil
    }

    private func ended(_ event: KeyRefreshMachine.Event) -> Int? {
        switch event {
        case .fetched(let number, _, _, _), .failed(let number, _, _, _): number
        case .wake, .forced: nil
        }
    }

    @Test("whatever gets lost or fails, a next fetch comes within the hour", arguments: 1...200)
    func alwaysAgain(seed: Int) {
        var dice = SeededDice(state: UInt64(seed))
        var machine = KeyRefreshMachine()
        var (now, alarm, lastFetch) = (0.0, 0.0, 0.0)
        var running: Int?
        for _ in 0..<300 {
            // The alarm rings, at its time or late; nobody else does anything that must happen.
            now = max(now, alarm) + Double.random(in: 0..<1, using: &dice)
            var actions = machine.handle(.wake(at: Seconds(now)))
            if Bool.random(using: &dice) { actions += machine.handle(.forced(at: Seconds(now))) }
            (alarm, running) = follow(actions, now, alarm, running)
            if let number = running, !Int.random(in: 0..<5, using: &dice).isMultiple(of: 5) {
                now += Double.random(in: 0..<10, using: &dice)
                let isGood = Bool.random(using: &dice)
                let end: KeyRefreshMachine.Event =
                    isGood
                    ? .fetched(number, maxAge: 9999, at: Seconds(now), dice: 0)
                    : .failed(number, "away", at: Seconds(now), dice: 0.5)
                (alarm, _) = follow(machine.handle(end), now, alarm, nil)
                running = nil
            }
            if actions.contains(where: { if case .fetch = $0 { true } else { false } }) { lastFetch = now }
            #expect(now - lastFetch <= 3700, "seed \(seed)")
        }
    }

    private func follow(
        _ actions: [KeyRefreshMachine.Action], _ now: Double, _ alarm: Double, _ running: Int?
    ) -> (Double, Int?) {
        var (alarm, running) = (alarm, running)
        for action in actions {
            switch action {
            case .wake(let after): alarm = now + after.value
            case .fetch(let number): running = number
            case .keep: break
            }
        }
        return (alarm, running)
    }
}
