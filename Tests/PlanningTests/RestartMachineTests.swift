import Fleet
import Planning
import Testing

@Suite("When a dead process is started again")
struct RestartMachineTests {
    @Test("the first death is answered at once")
    func firstDeath() {
        var machine = RestartMachine()
        #expect(machine.handle(.died(at: 1, dice: 0.9)) == [.start])
    }

    @Test("deaths in a row are answered after doubling pauses, at most half a minute long")
    func backoff() {
        var machine = RestartMachine()
        let answers = (0..<11).flatMap { machine.handle(.died(at: Seconds(Double($0)), dice: 0)) }
        let pauses: [Seconds] = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]
        #expect(answers == [.start] + pauses.map { .startAfter($0) })
        #expect(machine.restarts == 11)
    }

    @Test("being healthy for a while makes the next death a first one")
    func forgets() {
        var machine = RestartMachine(policy: .init(forgetAfter: 10))
        _ = machine.handle(.died(at: 0, dice: 0))
        _ = machine.handle(.died(at: 1, dice: 0))
        #expect(machine.handle(.healthy(at: 2)).isEmpty)
        #expect(machine.handle(.healthy(at: 9)).isEmpty)
        #expect(machine.handle(.died(at: 12, dice: 0)) == [.start])
    }

    @Test("being healthy for a moment, or with an unhealthy spell between, forgets nothing")
    func doesNotForget() {
        var machine = RestartMachine(policy: .init(forgetAfter: 10))
        _ = machine.handle(.died(at: 0, dice: 0))
        _ = machine.handle(.healthy(at: 1))
        #expect(machine.handle(.died(at: 10, dice: 0)) == [.startAfter(0.2)])
        _ = machine.handle(.healthy(at: 11))
        _ = machine.handle(.unhealthy)
        _ = machine.handle(.healthy(at: 20))
        #expect(machine.handle(.died(at: 22, dice: 0)) == [.startAfter(0.4)])
    }

    @Test("thousands of deaths and dice that are no dice still give a pause within bounds")
    func extremes() {
        var machine = RestartMachine()
        for _ in 0..<5_000 { _ = machine.handle(.died(at: 0, dice: 0)) }
        for dice in [-1, 2, .nan, .infinity, -.infinity] as [Double] {
            guard case .startAfter(let pause)? = machine.handle(.died(at: -5, dice: dice)).first else {
                Issue.record("no pause for dice \(dice)")
                continue
            }
            #expect((22.5...30).contains(pause.value))
        }
    }

    @Test("laws hold for random lives", arguments: 1...200 as ClosedRange<UInt64>)
    func laws(seed: UInt64) {
        var random = Seeded(state: seed)
        let policy = RestartMachine.Policy(forgetAfter: 5)
        var machine = RestartMachine(policy: policy)
        var (now, deaths, previous, healthySince) = (0.0, 0, 0.0, Double?.none)
        for _ in 0..<200 {
            now += Double.random(in: 0..<4, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                #expect(machine.handle(.healthy(at: Seconds(now))).isEmpty)
                healthySince = healthySince ?? now
            case 1:
                #expect(machine.handle(.unhealthy).isEmpty)
                healthySince = nil
            default:
                let actions = machine.handle(.died(at: Seconds(now), dice: .random(in: 0..<1, using: &random)))
                let provedItself = healthySince.map { now - $0 >= 5 } ?? false
                deaths += 1
                #expect(actions.count == 1 && machine.restarts == deaths)
                if case .startAfter(let pause)? = actions.first {
                    #expect(!provedItself && deaths > 1)
                    #expect(pause.value >= previous * 0.74 && pause.value > 0.1 && pause.value <= 30)
                    previous = pause.value
                } else {
                    #expect(provedItself || deaths == 1)
                    previous = 0
                }
                healthySince = nil
            }
        }
    }
}

/// The same lives in every run.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
