import Fleet
import Testing

@testable import Planning

/// Hosts with bad and good packages, connections that go, operators who are killed, and timers that fire at any moment.
@Suite("Laws of updates")
struct SelfUpdateMachineLawTests {
    @Test("6,000 voyages: it ends; nothing is installed without a way back; what is ill is never confirmed")
    func laws() throws {
        for seed in 0..<6_000 {
            var dice = SeededDice(state: UInt64(seed))
            var host = PretendedUpdateHost(
                isGood: Bool.random(using: &dice), needs: Int.random(in: 0...4, using: &dice),
                breaksInstances: Int.random(in: 0..<5, using: &dice) == 0)
            for _ in 0..<Int.random(in: 1...4, using: &dice) {
                let end = try sail(&host, &dice)
                try #require(host.faults.isEmpty, "seed \(seed): \(host.faults)")
                switch end {
                case .updated, .unchanged: try #require(host.isConfirmed, "seed \(seed): \(end)")
                case .reverted: try #require(!host.hasNew && host.trial == nil, "seed \(seed): \(end)")
                default: break
                }
            }
            // Nobody comes any more.
            host.fire()
            try #require(host.trial == nil && host.hasNew == host.isConfirmed, "seed \(seed) stays unconfirmed")
            if !host.isGood || host.breaksInstances { try #require(!host.isConfirmed, "seed \(seed): ill, and kept") }
        }
    }

    @Test("a good package comes through whenever the operator runs it once more without being disturbed")
    func converges() throws {
        for seed in 0..<2_000 {
            var dice = SeededDice(state: UInt64(seed))
            let needs = Int.random(in: 0...4, using: &dice)
            var host = PretendedUpdateHost(isGood: true, needs: needs, breaksInstances: false)
            _ = try sail(&host, &dice)
            _ = try sail(&host, &dice, isCalm: true)
            // The first may have met what the run before had left to be taken back.
            let end = try sail(&host, &dice, isCalm: true)
            try #require(end == .updated || end == .unchanged, "seed \(seed): \(end)")
            try #require(host.isConfirmed, "seed \(seed)")
        }
    }

    private func sail(
        _ host: inout PretendedUpdateHost, _ dice: inout SeededDice, isCalm: Bool = false
    ) throws -> SelfUpdateMachine.State {
        let trouble = Failure(.unavailable, "lost", because: "of the wire", next: "again")
        var machine = SelfUpdateMachine(try UpdateSamples.judge())
        var queue = machine.begin()[...]
        var now = 0.0
        let end = isCalm ? 5_000 : [3, 6, 9, 12, 20, 5_000].randomElement(using: &dice) ?? 9
        for _ in 0..<end {
            if case .ready = machine.state { queue = machine.handle(.go)[...] }
            if machine.state.isOver { return machine.state }
            let next = queue.popFirst()
            let action = try #require(next, "it stands still at \(machine.state)")
            now += 0.2
            if !isCalm, Int.random(in: 0..<60, using: &dice) == 0 { host.fire() }
            var event: SelfUpdateMachine.Event?
            switch action {
            case .wait(let time):
                now += time.value
                host.pass()
                continue
            case .gather: event = .gathered(try host.facts(), now: Seconds(now))
            case .perform(let step, _):
                let isLost = !isCalm && Int.random(in: 0..<7, using: &dice) == 0
                // Of what was under way when the connection went, nobody knows.
                let isDone = !isLost || Bool.random(using: &dice)
                let fault = isDone ? try host.perform(step) : nil
                event = isLost ? .lost(trouble) : fault.map { .failed($0) } ?? .done(step)
            }
            if case .gather = action, !isCalm, Int.random(in: 0..<9, using: &dice) == 0 { event = .lost(trouble) }
            if let event { queue += machine.handle(event) }
        }
        try #require(end < 5_000, "it never ends")
        return machine.state
    }
}

private struct PretendedUpdateHost {
    let isGood: Bool
    /// Looks until all is well after an installation.
    let needs: Int
    let breaksInstances: Bool
    var hasNew = false
    var isConfirmed = false
    var trial: UpdateFacts.Trial?
    var isSent = false
    var isKept = false
    var age = 100
    var faults: [String] = []

    init(isGood: Bool, needs: Int, breaksInstances: Bool) {
        (self.isGood, self.needs, self.breaksInstances) = (isGood, needs, breaksInstances)
    }

    mutating func pass() { age += 1 }

    /// The host's own timer.
    mutating func fire() {
        guard trial != nil else { return }
        (trial, hasNew, age) = (nil, false, 0)
    }

    mutating func perform(_ step: UpdateStep) throws -> Failure? {
        let busy = Failure(.leaseHeld, "cannot", because: "it is not the time", next: "")
        switch step {
        case .send: isSent = true
        case .keep:
            guard trial == nil else { return busy }
            isKept = true
        case .arm:
            guard trial == nil else { return busy }
            if !isKept { faults.append("armed without a way back") }
            let digest = try UpdateSamples.wish().package.digest
            trial = UpdateFacts.Trial(digest: digest, isInstalled: false, before: UpdateSamples.lasting)
        case .install:
            guard trial != nil else { return busy }
            if !isSent { faults.append("installed nothing") }
            (hasNew, age) = (true, 0)
            trial?.isInstalled = true
        case .visit: break
        case .confirm:
            guard trial != nil else { return busy }
            if !isGood || breaksInstances { faults.append("confirmed although ill") }
            (trial, isConfirmed) = (nil, true)
        case .undo: fire()
        }
        return nil
    }

    func facts() throws -> UpdateFacts {
        let digest = try UpdateSamples.wish().package.digest
        return UpdateSamples.facts {
            if hasNew { $0.package = "0.2.0" }
            if isConfirmed { $0.packageFile = digest }
            $0.trial = trial
            if hasNew, !isGood || age < needs { $0.supervisor.isActive = false }
            if hasNew, breaksInstances { $0.lasting.edge = 1 }
        }
    }
}
