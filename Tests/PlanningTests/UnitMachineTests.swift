import Testing

@testable import Planning

@Suite("UnitMachine")
struct UnitMachineTests {
    private let one = UnitMachine.Life(pid: 10, startedAt: 100)
    private let two = UnitMachine.Life(pid: 11, startedAt: 200)

    private func machine(after events: [UnitMachine.Event]) -> UnitMachine {
        var machine = UnitMachine()
        for event in events { _ = machine.handle(event) }
        return machine
    }

    private func lives(_ life: UnitMachine.Life?) -> UnitMachine.Sighting { .init(life: life, end: nil) }
    private func ended(_ life: UnitMachine.Life, _ end: UnitMachine.End) -> UnitMachine.Sighting {
        .init(life: life, end: end)
    }

    @Test("a death is told once, with its cause, however often systemd repeats it")
    func death() {
        var machine = machine(after: [.found(lives(one)), .givenOut(one)])
        #expect(machine.handle(.told(ended(one, .signalled(9)))) == [.ended(one, .signalled(9))])
        #expect(machine.handle(.told(ended(one, .signalled(9)))) == [])
        #expect(machine.handle(.found(ended(one, .signalled(9)))) == [])
        #expect(machine.handle(.told(lives(two))) == [])
    }

    @Test("a death and systemd's own restart in one change: the cause is nobody's to know")
    func coalesced() {
        var machine = machine(after: [.found(lives(one)), .givenOut(one)])
        #expect(machine.handle(.told(lives(two))) == [.ended(one, .unknown)])
        #expect(machine.handle(.givenOut(two)) == [])
        #expect(machine.isAlive(two) && !machine.isAlive(one))
    }

    @Test("the end of a life that nobody was given is nobody's business")
    func unwatched() {
        var machine = machine(after: [.found(lives(one))])
        #expect(machine.handle(.told(ended(one, .exited(code: 1)))) == [])
        #expect(machine.handle(.told(lives(two))) == [])
    }

    @Test("a life that was over before it was given out is told at once")
    func early() {
        var machine = machine(after: [.found(lives(one)), .told(ended(one, .exited(code: 7)))])
        #expect(machine.handle(.givenOut(one)) == [.ended(one, .exited(code: 7))])
        var later = self.machine(after: [.found(lives(one)), .told(lives(two))])
        #expect(later.handle(.givenOut(one)) == [.ended(one, .unknown)])
        var known = self.machine(after: [.told(ended(one, .exited(code: 3))), .told(lives(two))])
        #expect(known.handle(.givenOut(one)) == [.ended(one, .exited(code: 3))])
        #expect(known.lastEnd == ended(one, .exited(code: 3)))
        var both = self.machine(after: [.told(ended(one, .exited(code: 3))), .told(ended(two, .signalled(9)))])
        #expect(both.handle(.givenOut(one)) == [.ended(one, .exited(code: 3))])
    }

    @Test("news of an earlier life, held up on its way, ends nothing")
    func late() {
        var machine = machine(after: [.found(lives(two)), .givenOut(two)])
        #expect(machine.handle(.told(ended(one, .signalled(9)))) == [])
        #expect(machine.handle(.told(lives(one))) == [])
        #expect(machine.handle(.told(lives(nil))) == [])
        #expect(machine.isAlive(two))
    }

    @Test("after the bus was away, whoever is not found there any more has ended")
    func comparison() {
        var gone = machine(after: [.found(lives(one)), .givenOut(one)])
        #expect(gone.handle(.found(lives(nil))) == [.ended(one, .unknown)])
        var replaced = machine(after: [.found(lives(one)), .givenOut(one)])
        #expect(replaced.handle(.found(lives(two))) == [.ended(one, .unknown)])
        var same = machine(after: [.found(lives(one)), .givenOut(one)])
        #expect(same.handle(.found(lives(one))) == [])
        #expect(same.isAlive(one))
    }
}

@Suite("Starts, names and faults of units")
struct UnitStartTests {
    private func step(
        _ active: String, load: String = "loaded", reload: Bool = false, main: Bool = true, rewritten: Bool = false,
        reloaded: Bool = false
    ) -> UnitStart.Step {
        UnitStart(
            loadState: load, activeState: active, needsReload: reload, hasMainProcess: main
        ).step(unit: UnitName(id: "a-1-g1"), isRewritten: rewritten, hasReloaded: reloaded)
    }

    @Test("what systemd brought back by itself is taken, what it brings back is waited for")
    func steps() {
        #expect(step("active") == .takeIt)
        #expect(step("activating", main: false) == .join)
        #expect(step("inactive", main: false) == .begin)
        #expect(step("failed", main: false) == .begin)
        #expect(step("deactivating", main: false) == .begin)
        #expect(step("active", main: false) == .replace)
    }

    @Test("systemd reads its files again exactly once, when they changed or it does not know them")
    func reloads() {
        #expect(step("inactive", reload: true) == .reload)
        #expect(step("active", rewritten: true) == .reload)
        #expect(step("inactive", load: "not-found") == .reload)
        #expect(step("inactive", reload: true, reloaded: true) == .begin)
        #expect(step("active", rewritten: true, reloaded: true) == .replace)
        #expect(step("activating", rewritten: true, reloaded: true) == .replace)
    }

    @Test(
        "a unit that can't be used is refused with what to do",
        arguments: [
            ("not-found", "knows no unit", "systemd-analyze"), ("masked", "is masked", "unmask"),
            ("bad-setting", "can't use", "systemd-analyze verify"),
        ])
    func refusals(state: String, why: String, next: String) {
        guard case .refuse(let said, let advice) = step("inactive", load: state, reloaded: true) else {
            Issue.record("\(state) was not refused")
            return
        }
        #expect(said.contains(why) && said.contains("convoy-instance-a-1-g1.service") && advice.contains(next))
    }

    @Test("instances have a prefix of their own, daemons do not")
    func names() {
        #expect(UnitName(id: "analytics-1-g3").text == "convoy-instance-analytics-1-g3.service")
        #expect(UnitName(id: "gate").text == "convoy-gate.service")
        #expect(UnitName("convoy-instance-a-1-g3.service").instance == "a-1-g3")
        #expect(UnitName("convoy-gate.service").instance == nil)
        #expect(UnitName("convoy-instance-.service").instance == nil)
        #expect(UnitName("ssh.service").instance == nil)
    }

    @Test("a start that came to nothing names the unit, the job's result and where to look")
    func faults() {
        let unit = UnitName(id: "a-1-g1")
        for (fault, why) in [
            (UnitFault(job: "failed", result: "exit-code", end: .exited(code: 203)), "203/EXEC"),
            (UnitFault(job: "failed", result: "exit-code", end: .exited(code: 3)), "ended with code 3"),
            (UnitFault(job: "failed", result: "start-limit-hit", end: .unknown), "too often"),
            (UnitFault(job: "timeout", result: "timeout", end: .unknown), "TimeoutStartSec"),
            (UnitFault(job: "dependency", result: "success", end: .unknown), "that it needs"),
            (UnitFault(job: "failed", result: "signal", end: .signalled(11)), "signal 11"),
        ] {
            let failure = fault.failure(id: "a-1-g1", unit: unit)
            #expect(failure.what == "cannot start a-1-g1")
            #expect(failure.why.contains(why) && failure.why.contains(unit.text) && failure.why.contains(fault.job))
            #expect(failure.next.contains("systemctl status \(unit.text)"))
            #expect(failure.next.contains("journalctl -u \(unit.text)"))
        }
    }

    @Test("a program that ended by itself did start; one that systemd's child could not execute did not")
    func ownEnds() {
        for (end, isOwn) in [
            (UnitMachine.End.exited(code: 1), true), (.exited(code: 0), true), (.signalled(11), true),
            (.exited(code: 203), false), (.exited(code: 243), false), (.unknown, false),
        ] {
            #expect(UnitFault(job: "failed", result: "exit-code", end: end).isProgramsOwn == isOwn)
            #expect(!UnitFault(job: "timeout", result: "timeout", end: end).isProgramsOwn)
        }
    }

    @Test("a process's start is read whatever its name is", arguments: ["(a) b) c", "x", ") S 1 2 3 4 (", ""])
    func statLine(name: String) {
        let fields = (4...52).map { String($0) }.joined(separator: " ")
        #expect(ProcessStatLine("12 (\(name)) S \(fields)\n")?.startTicks == 22)
        #expect(ProcessStatLine("12 (\(name)) Z \(fields)\n") == nil)
        #expect(ProcessStatLine("12 (\(name)") == nil)
    }
}
