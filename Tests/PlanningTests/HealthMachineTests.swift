import Fleet
import Testing

@testable import Planning

@Suite("HealthMachine")
struct HealthMachineTests {
    private let policy = HealthSpec(unhealthyAfter: 2, healthyAfter: 3, startDeadline: 60)

    private func machine() -> HealthMachine { HealthMachine(policy: policy, startedAt: 100) }

    private func probe(
        _ machine: inout HealthMachine, _ findings: [HealthMachine.Finding], at: Seconds = 101
    ) -> [HealthMachine.Action] {
        findings.flatMap { machine.handle(.probed($0, at: at)) }
    }

    @Test("a fresh instance is admitted by its first good probe")
    func fresh() {
        var machine = machine()
        #expect(machine.standing == .starting)
        #expect(probe(&machine, [.failed("warming up"), .passed, .passed]) == [.admit])
        #expect(machine.standing == .fit)
        #expect(machine.reason.isEmpty)
    }

    @Test("one failed probe takes nobody out of rotation")
    func single() {
        var machine = HealthMachine.adopted(policy: policy, startedAt: 0)
        #expect(probe(&machine, [.failed("a"), .passed, .lifeless("b"), .passed, .failed("c")]).isEmpty)
        #expect(machine.standing == .fit)
        #expect(machine.reason == "c")
    }

    @Test("failures in a row withdraw it once, with the last reason")
    func withdrawn() {
        var machine = HealthMachine.adopted(policy: policy, startedAt: 0)
        #expect(probe(&machine, [.failed("a"), .failed("b"), .failed("c")]) == [.withdraw(reason: "b")])
        #expect(machine.reason == "c")
    }

    @Test("a member comes back after enough good probes in a row")
    func comesBack() {
        var machine = HealthMachine.adopted(policy: policy, startedAt: 0)
        _ = probe(&machine, [.failed("a"), .failed("b")])
        #expect(probe(&machine, [.passed, .passed, .failed("c"), .passed, .passed]).isEmpty)
        #expect(machine.standing == .unfit)
        #expect(probe(&machine, [.passed]) == [.admit])
    }

    @Test("failed readiness never asks for a restart, however long")
    func databaseAway() {
        var machine = HealthMachine.adopted(policy: policy, startedAt: 0)
        let actions = probe(&machine, Array(repeating: .failed("database away"), count: 500))
        #expect(actions == [.withdraw(reason: "database away")])
    }

    @Test("no sign of life for long asks for a restart, once")
    func hangs() {
        var machine = HealthMachine.adopted(policy: policy, startedAt: 0)
        let actions = probe(&machine, Array(repeating: .lifeless("no answer within 2s"), count: 50))
        #expect(actions.count == 2)
        #expect(actions.first == .withdraw(reason: "no answer within 2s"))
        #expect(actions.last == .restart(reason: "no sign of life in 6 probes: no answer within 2s"))
    }

    @Test("a sign of life in between starts the count anew")
    func signOfLife() {
        var machine = HealthMachine.adopted(policy: policy, startedAt: 0)
        let row = Array(repeating: HealthMachine.Finding.lifeless("x"), count: 5) + [.failed("slow")]
        #expect(probe(&machine, row + row + row) == [.withdraw(reason: "x")])
    }

    @Test("a start that never becomes ready is given up at its deadline, once")
    func overdue() {
        var machine = machine()
        #expect(probe(&machine, [.lifeless("connection refused")], at: 159).isEmpty)
        let expected = "not ready within 60s: connection refused"
        #expect(machine.handle(.tick(at: 160)) == [.giveUpStart(reason: expected)])
        #expect(machine.handle(.tick(at: 170)).isEmpty)
        #expect(probe(&machine, [.lifeless("connection refused")], at: 171).isEmpty)
        #expect(probe(&machine, [.passed], at: 172) == [.admit])
    }

    @Test("a busy instance stays what it is: neither withdrawn nor brought back")
    func busy() {
        var machine = HealthMachine.adopted(policy: policy, startedAt: 0)
        #expect(probe(&machine, [.failed("a")] + Array(repeating: .busy("rate limit"), count: 50)).isEmpty)
        #expect(machine.standing == .fit && machine.reason == "rate limit")
        #expect(probe(&machine, [.failed("b")]) == [.withdraw(reason: "b")])
        #expect(probe(&machine, [.passed, .passed, .busy("c"), .busy("c")]).isEmpty)
        #expect(probe(&machine, [.passed]) == [.admit])
        var fresh = self.machine()
        #expect(probe(&fresh, [.busy("c")], at: 200) == [.giveUpStart(reason: "not ready within 60s: c")])
    }

    @Test("a new start forgets the old one")
    func restarted() {
        var machine = HealthMachine.adopted(policy: policy, startedAt: 0)
        _ = probe(&machine, Array(repeating: .lifeless("x"), count: 20))
        #expect(machine.handle(.started(at: 500)).isEmpty)
        #expect(machine == HealthMachine(policy: policy, startedAt: 500))
    }

    @Test("durations are spelled as people write them")
    func spelled() {
        #expect(Seconds(0.5).spelled == "500ms")
        #expect(Seconds(2).spelled == "2s")
        #expect(Seconds(1.5).spelled == "1.5s")
    }
}

@Suite("HealthMachine laws, randomised")
struct HealthMachineLaws {
    struct SeededRandom: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    @Test("whatever happens, the laws hold", arguments: 0..<200)
    func laws(seed: Int) {
        var random = SeededRandom(state: UInt64(seed))
        let policy = HealthSpec(
            unhealthyAfter: .random(in: 1...4, using: &random), healthyAfter: .random(in: 1...4, using: &random),
            startDeadline: 20)
        var machine = HealthMachine(policy: policy, startedAt: 0)
        var since = Since()
        for step in 0..<400 {
            let at = Seconds(Double(step))
            let before = machine.standing
            let event = Self.event(at, &random)
            let actions = machine.handle(event)
            since.note(event)
            check(actions, before, machine, since, policy)
            for action in actions { since.note(action) }
        }
        // Whoever passes again comes back.
        for _ in 0..<policy.healthyAfter { _ = machine.handle(.probed(.passed, at: 1000)) }
        #expect(machine.standing == .fit)
    }

    /// An independent account of what happened since the last start.
    struct Since {
        var start = 0.0, now = 0.0
        var passes = 0, failures = 0, lifeless = 0
        var everFit = false
        var restarts = 0, givenUp = 0

        mutating func note(_ event: HealthMachine.Event) {
            switch event {
            case .started(let at): self = Since(start: at.value, now: at.value)
            case .tick(let at): now = at.value
            case .probed(let finding, let at):
                now = at.value
                if case .busy = finding {
                    lifeless = 0
                    return
                }
                passes = finding == .passed ? passes + 1 : 0
                failures = finding == .passed ? 0 : failures + 1
                if case .lifeless = finding { lifeless += 1 } else { lifeless = 0 }
            }
        }

        mutating func note(_ action: HealthMachine.Action) {
            switch action {
            case .admit: everFit = true
            case .restart: restarts += 1
            case .giveUpStart: givenUp += 1
            case .withdraw: break
            }
        }
    }

    private func check(
        _ actions: [HealthMachine.Action], _ before: HealthMachine.Standing, _ machine: HealthMachine,
        _ since: Since, _ policy: HealthSpec
    ) {
        for action in actions {
            switch action {
            case .admit:
                #expect(before != .fit && machine.standing == .fit)
                #expect(since.passes >= (since.everFit ? policy.healthyAfter : 1))
            case .withdraw(let reason):
                #expect(before == .fit && machine.standing == .unfit)
                #expect(since.failures >= policy.unhealthyAfter && !reason.isEmpty)
            case .restart:
                #expect(since.lifeless >= 2 && since.lifeless > policy.unhealthyAfter && since.restarts == 0)
            case .giveUpStart:
                #expect(!since.everFit && since.givenUp == 0)
                #expect(since.now - since.start >= policy.startDeadline.value)
            }
        }
        if machine.standing == .fit { #expect(since.failures < policy.unhealthyAfter) }
        if machine.standing != before, machine.standing != .starting {
            #expect(
                actions.contains { if case .admit = $0 { true } else if case .withdraw = $0 { true } else { false } })
        }
        if machine.standing != .fit { #expect(!machine.reason.isEmpty) }
    }

    private static func event(_ at: Seconds, _ random: inout SeededRandom) -> HealthMachine.Event {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<2: .started(at: at)
        case 2..<10: .tick(at: at)
        case 10..<45: .probed(.passed, at: at)
        case 45..<60: .probed(.failed("f"), at: at)
        case 60..<65: .probed(.busy("b"), at: at)
        default: .probed(.lifeless("l"), at: at)
        }
    }
}
