import Fleet
import Planning
import Testing

@Suite("When an issuer's keys are fetched")
struct KeyRefreshMachineTests {
    private func started() -> KeyRefreshMachine {
        var machine = KeyRefreshMachine()
        _ = machine.handle(.wake(at: 0))
        return machine
    }

    private func fetched(maxAge: Seconds? = nil, dice: Double = 0) -> (KeyRefreshMachine, [KeyRefreshMachine.Action]) {
        var machine = started()
        let actions = machine.handle(.fetched(1, maxAge: maxAge, at: 1, dice: dice))
        return (machine, actions)
    }

    @Test("the first thing is a fetch")
    func start() {
        var machine = KeyRefreshMachine()
        #expect(!machine.mayServe(at: 0) && !machine.isFetching)
        #expect(machine.handle(.wake(at: 5)) == [.fetch(1), .wake(after: 30)])
        #expect(machine.isFetching && !machine.mayServe(at: 5))
    }

    @Test(
        "the issuer's max-age counts within five minutes and an hour; ten minutes when it says nothing",
        arguments: [
            (nil, 600), (0, 300), (300, 300), (1800, 1800), (3600, 3600), (86400, 3600), (-5, 300),
            (.infinity, 3600), (.nan, 600),
        ] as [(Double?, Double)])
    func interval(maxAge: Double?, pause: Double) {
        let (_, actions) = fetched(maxAge: maxAge.map { Seconds($0) })
        #expect(actions == [.keep, .wake(after: Seconds(pause))])
    }

    @Test("randomness takes up to a quarter of a pause away, but never below five minutes")
    func jitter() {
        #expect(fetched(maxAge: 3600, dice: 1).1 == [.keep, .wake(after: 2700)])
        #expect(fetched(maxAge: 600, dice: 0.5).1 == [.keep, .wake(after: 525)])
        #expect(fetched(maxAge: 300, dice: 1).1 == [.keep, .wake(after: 300)])
    }

    @Test("errors in a row are answered after doubling pauses, at most a minute long, and say why")
    func backoff() {
        var machine = started()
        var now = 0.0
        var pauses: [Double] = []
        for number in 1...8 {
            guard case .wake(let pause)? = machine.handle(.failed(number, "away", at: Seconds(now), dice: 0)).first
            else { return #expect(Bool(false), "no pause") }
            pauses.append(pause.value)
            now += pause.value
            #expect(machine.handle(.wake(at: Seconds(now))) == [.fetch(number + 1), .wake(after: 30)])
        }
        #expect(pauses == [2, 4, 8, 16, 32, 60, 60, 60])
        #expect(machine.reason == "away")
        #expect(machine.handle(.fetched(9, maxAge: nil, at: Seconds(now), dice: 0)) == [.keep, .wake(after: 600)])
        #expect(machine.reason.isEmpty)
    }

    @Test("keys stay good while the issuer is away, until they are a day old")
    func stale() {
        var (machine, _) = fetched()
        _ = machine.handle(.wake(at: 601))
        _ = machine.handle(.failed(2, "away", at: 602, dice: 0))
        #expect(machine.mayServe(at: 86_400) && !machine.mayServe(at: 86_401))
    }

    @Test("keys are as old as the question for them, not as its answer")
    func age() {
        var machine = KeyRefreshMachine(policy: .init(staleLimit: 600))
        _ = machine.handle(.wake(at: 100))
        _ = machine.handle(.fetched(1, maxAge: nil, at: 120, dice: 0))
        #expect(machine.mayServe(at: 700) && !machine.mayServe(at: 701))
    }

    @Test("a short bound on age brings more fetches")
    func shortBound() {
        var machine = KeyRefreshMachine(policy: .init(staleLimit: 900))
        _ = machine.handle(.wake(at: 0))
        #expect(machine.handle(.fetched(1, maxAge: 3600, at: 0, dice: 0)) == [.keep, .wake(after: 450)])
    }

    @Test("who forces a fetch gets one at once, the next only after half a minute")
    func forced() {
        var (machine, _) = fetched()
        #expect(machine.handle(.forced(at: 2)) == [.fetch(2), .wake(after: 30)])
        _ = machine.handle(.fetched(2, maxAge: nil, at: 3, dice: 0))
        #expect(machine.handle(.forced(at: 4)).isEmpty)
        #expect(machine.handle(.forced(at: 31.9)).isEmpty)
        #expect(machine.handle(.forced(at: 32)) == [.fetch(3), .wake(after: 30)])
    }

    @Test("who forces a fetch while one is running waits for that one, and uses nothing up")
    func joins() {
        var machine = started()
        #expect(machine.handle(.forced(at: 1)).isEmpty && machine.isFetching)
        _ = machine.handle(.fetched(1, maxAge: nil, at: 2, dice: 0))
        #expect(machine.handle(.forced(at: 3)) == [.fetch(2), .wake(after: 30)])
    }

    @Test("an alarm that rings early is set again")
    func early() {
        var (machine, _) = fetched()
        #expect(machine.handle(.wake(at: 200)) == [.wake(after: 401)])
        #expect(machine.handle(.wake(at: 601)) == [.fetch(2), .wake(after: 30)])
    }

    @Test("a fetch whose end is never told is given up, and its late end changes nothing")
    func lost() {
        var machine = started()
        #expect(machine.handle(.wake(at: 10)) == [.wake(after: 20)])
        #expect(machine.handle(.wake(at: 30)) == [.wake(after: 2)])
        #expect(machine.reason == "a fetch did not end")
        #expect(machine.handle(.fetched(1, maxAge: nil, at: 31, dice: 0)).isEmpty)
        #expect(!machine.mayServe(at: 31))
        #expect(machine.handle(.wake(at: 32)) == [.fetch(2), .wake(after: 30)])
        #expect(machine.handle(.failed(1, "late", at: 33, dice: 0)).isEmpty && machine.isFetching)
    }
}
