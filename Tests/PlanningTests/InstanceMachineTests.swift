import Fleet
import Testing

@testable import Planning

@Suite("InstanceMachine")
struct InstanceMachineTests {
    private let policy = HealthSpec(unhealthyAfter: 2, healthyAfter: 2, startDeadline: 60)

    private func machine(database: Bool = true) throws -> InstanceMachine {
        var plan = try #require(try PlanSamples.generation().instances.first)
        if !database { plan.proof = nil }
        return InstanceMachine(plan: plan, policy: policy)
    }

    /// Proved, started, passed its first probe.
    private func serving() throws -> InstanceMachine {
        var machine = try machine()
        play(&machine, [.begin(at: 0), .proved(.proved, at: 0), .started(at: 1), passed])
        #expect(machine.inRotation)
        return machine
    }

    private let passed = InstanceMachine.Event.probed(.init(finding: .passed), at: 2)
    private func failed(_ why: String = "no") -> InstanceMachine.Event {
        .probed(.init(finding: .failed(why)), at: 3)
    }
    private func wrong() -> InstanceMachine.Event {
        .probed(.init(finding: .failed("wrong answer"), isWrongAnswer: true), at: 3)
    }
    private func died(at: Seconds = 10) -> InstanceMachine.Event { .exited("killed by signal 9", at: at, dice: 0) }

    @discardableResult
    private func play(_ machine: inout InstanceMachine, _ events: [InstanceMachine.Event]) -> [InstanceMachine.Action] {
        events.flatMap { machine.handle($0) }
    }

    @Test("its user is proved before it starts, and one good probe puts it in rotation")
    func start() throws {
        var machine = try machine()
        #expect(machine.handle(.begin(at: 0)) == [.prove])
        #expect(machine.state == .pending)
        #expect(machine.handle(.proved(.proved, at: 0)) == [.spawn])
        #expect(machine.handle(.started(at: 1)).isEmpty)
        #expect(machine.state == .starting)
        #expect(machine.handle(passed) == [.rotation])
        #expect(machine.state == .serving)
        #expect(machine.isFit)
    }

    @Test("a server without a database starts at once")
    func withoutDatabase() throws {
        var machine = try machine(database: false)
        #expect(machine.handle(.begin(at: 0)) == [.spawn])
        #expect(machine.handle(.begin(at: 0)).isEmpty)
    }

    @Test("one that is not proved never starts, and starts when it is")
    func unproved() throws {
        var machine = try machine()
        let actions = play(
            &machine, [.begin(at: 0), .proved(.refuted("insert on shop"), at: 0), .proved(.unverified("x"), at: 1)])
        #expect(actions == [.prove])
        #expect(machine.state == .refused)
        #expect(machine.reason == "no proof: x")
        #expect(machine.handle(.proved(.proved, at: 2)) == [.spawn])
    }

    @Test("a second proof while it is being started starts no second process")
    func provedTwice() throws {
        var machine = try machine()
        let actions = play(&machine, [.begin(at: 0), .proved(.proved, at: 0), .proved(.proved, at: 0), .begin(at: 0)])
        #expect(actions == [.prove, .spawn])
    }

    @Test("a refuted proof takes it out at once without stopping it; proved again it comes back at once")
    func refuted() throws {
        var machine = try serving()
        #expect(machine.handle(.proved(.refuted("insert on shop"), at: 5)) == [.rotation])
        #expect(!machine.isFit && !machine.keepsSessions)
        #expect(machine.state == .unfit)
        #expect(machine.reason == "no proof: insert on shop")
        #expect(machine.handle(.proved(.proved, at: 6)) == [.rotation])
        #expect(machine.inRotation)
    }

    @Test("one that died is restarted at once and stays in rotation meanwhile")
    func crash() throws {
        var machine = try serving()
        #expect(machine.handle(died()) == [.spawn])
        #expect(machine.state == .restarting)
        #expect(machine.inRotation && !machine.isFit)
        #expect(machine.restarts == 1)
        #expect(play(&machine, [.started(at: 11), passed]).isEmpty)
        #expect(machine.state == .serving)
    }

    @Test("one that was killed four times in a row never leaves rotation: no reload of the edge for it")
    func killedAgain() throws {
        var machine = try serving()
        for round in 0..<4 {
            #expect(!machine.handle(died(at: Seconds(10 + Double(round)))).contains(.rotation))
            _ = machine.handle(.retryDue(at: 0))
            #expect(play(&machine, [.started(at: 11), passed]).isEmpty)
            #expect(machine.inRotation && machine.state == .serving)
        }
    }

    @Test("a crash loop takes it out of rotation at the fifth death, with growing pauses, until it passes again")
    func crashLoop() throws {
        var machine = try serving()
        var pauses: [Seconds] = []
        for round in 0..<6 {
            for action in machine.handle(died(at: Seconds(10 + Double(round)))) {
                if case .retry(let pause) = action { pauses.append(pause) }
            }
            #expect(machine.inRotation == (round < 4))
            if round > 0 { #expect(machine.handle(.retryDue(at: 0)) == [.spawn]) }
            _ = machine.handle(.started(at: 10))
        }
        #expect(pauses == [0.2, 0.4, 0.8, 1.6, 3.2])
        #expect(machine.handle(passed) == [.rotation])
        #expect(machine.inRotation)
    }

    @Test("one whose proof was lost while it was down waits for the next proof")
    func crashUnproved() throws {
        var machine = try serving()
        _ = machine.handle(.proved(.unverified("database away"), at: 5))
        #expect(machine.handle(died()) == [.prove])
        #expect(machine.handle(.proved(.unverified("database away"), at: 6)).isEmpty)
        #expect(machine.handle(.proved(.proved, at: 7)) == [.spawn, .rotation])
    }

    @Test("a stop asks, then kills after the deadline, and it is gone once it ended")
    func stop() throws {
        var machine = try serving()
        #expect(machine.handle(.stop(at: 5)) == [.terminate, .rotation])
        #expect(machine.state == .stopping)
        #expect(machine.handle(.stop(at: 6)).isEmpty)
        #expect(machine.handle(.stopOverdue) == [.kill])
        #expect(machine.handle(died()) == [.gone])
        #expect(machine.handle(died()).isEmpty)
        #expect(machine.state == .stopped)
    }

    @Test("a stop during a start waits for it, so that no process is left without an owner")
    func stopDuringStart() throws {
        var machine = try machine()
        play(&machine, [.begin(at: 0), .proved(.proved, at: 0)])
        #expect(machine.handle(.stop(at: 1)).isEmpty)
        #expect(machine.state == .stopping)
        #expect(machine.handle(.started(at: 2)) == [.terminate])
        #expect(machine.handle(died()) == [.gone])
    }

    @Test("a stop during a start that then fails is over")
    func stopDuringFailedStart() throws {
        var machine = try machine()
        play(&machine, [.begin(at: 0), .proved(.proved, at: 0), .stop(at: 1)])
        #expect(machine.handle(.startRefused("no such file")) == [.gone])
    }

    @Test("a stop before the proof is over at once, and a late proof starts nothing")
    func stopBeforeProof() throws {
        var machine = try machine()
        #expect(play(&machine, [.begin(at: 0), .stop(at: 1)]) == [.prove, .gone])
        #expect(play(&machine, [.proved(.proved, at: 2), .begin(at: 3), .adopted(restarts: 0, at: 3)]).isEmpty)
    }

    @Test("a refused start is said, and tried again only when somebody asks")
    func refusedStart() throws {
        var machine = try machine()
        play(&machine, [.begin(at: 0), .proved(.proved, at: 0)])
        #expect(machine.handle(.startRefused("lib/x.py changed")).isEmpty)
        #expect(machine.state == .refused)
        #expect(machine.reason == "lib/x.py changed")
        #expect(machine.handle(.proved(.proved, at: 3)).isEmpty)
        #expect(machine.handle(.begin(at: 4)) == [.spawn])
    }

    @Test("one that is adopted before its generation ever served is not fit until it shows it")
    func adoptedEarly() throws {
        var machine = try machine()
        #expect(machine.handle(.adopted(restarts: 0, at: 1, hasServed: false)) == [.prove])
        #expect(!machine.isFit && !machine.inRotation && machine.state == .starting)
        _ = machine.handle(.probed(.init(finding: .lifeless("connection refused")), at: 2))
        #expect(machine.state == .starting)
        _ = machine.handle(.probed(.init(finding: .passed), at: 3))
        #expect(machine.isFit && machine.inRotation)
    }

    @Test("an adopted instance stays in rotation, and its user is proved anew")
    func adopted() throws {
        var machine = try machine()
        #expect(machine.handle(.adopted(restarts: 3, at: 1)) == [.prove, .rotation])
        #expect(machine.state == .serving)
        #expect(machine.restarts == 3)
        #expect(machine.handle(.proved(.refuted("x"), at: 2)) == [.rotation])
    }

    @Test("wrong answers during its start make it unfit before the start deadline")
    func wrongAnswers() throws {
        var machine = try machine()
        play(&machine, [.begin(at: 0), .proved(.proved, at: 0), .started(at: 1), wrong()])
        #expect(machine.state == .starting)
        _ = machine.handle(wrong())
        #expect(machine.state == .unfit)
        #expect(machine.reason == "wrong answer")
    }

    @Test("a busy probe between wrong answers forgets none of them")
    func wrongAnswersAndBusy() throws {
        var machine = try machine()
        let busy = InstanceMachine.Event.probed(.init(finding: .busy("429")), at: 3)
        play(&machine, [.begin(at: 0), .proved(.proved, at: 0), .started(at: 1), wrong(), busy, wrong()])
        #expect(machine.state == .unfit)
    }

    @Test("one that comes back from a crash with wrong answers leaves rotation soon")
    func wrongAfterCrash() throws {
        var machine = try serving()
        play(&machine, [died(), .started(at: 11), wrong()])
        #expect(machine.inRotation)
        #expect(machine.handle(wrong()) == [.rotation])
        #expect(machine.state == .unfit)
        #expect(machine.handle(passed) == [.rotation])
    }

    @Test("busy probes change nothing but the reason")
    func busy() throws {
        var machine = try serving()
        let busy = InstanceMachine.Event.probed(.init(finding: .busy("429")), at: 3)
        #expect(play(&machine, Array(repeating: busy, count: 100)).isEmpty)
        #expect(machine.state == .serving && machine.inRotation)
        play(&machine, [failed(), busy])
        #expect(machine.handle(failed()) == [.rotation])
    }

    @Test("a drained instance keeps its sessions and gets nothing new")
    func drain() throws {
        var machine = try serving()
        #expect(machine.handle(.drain) == [.rotation])
        #expect(machine.keepsSessions && !machine.inRotation)
        #expect(machine.state == .draining)
    }

    @Test("one that never becomes ready is killed at its start deadline and started again")
    func startDeadline() throws {
        var machine = try machine()
        play(&machine, [.begin(at: 0), .proved(.proved, at: 0), .started(at: 1)])
        #expect(machine.handle(.probed(.init(finding: .lifeless("refused")), at: 61)) == [.kill])
        #expect(machine.handle(.exited("killed by signal 9", at: 61, dice: 0)) == [.spawn])
    }
}
