import Fleet
import Testing

@testable import Planning

@Suite("The update of one host's Convoy")
struct SelfUpdateMachineTests {
    private let trouble = Failure(.failed, "cannot", because: "of this", next: "do that")
    private let before = UpdateSamples.lasting

    private func working() throws -> SelfUpdateMachine {
        var machine = SelfUpdateMachine(try UpdateSamples.judge())
        #expect(machine.begin() == [.gather])
        #expect(machine.handle(.gathered(UpdateSamples.facts(), now: 0)) == [])
        #expect(machine.state == .ready(true))
        #expect(machine.handle(.go) == [.gather])
        return machine
    }

    private func installed() throws -> SelfUpdateMachine {
        var machine = try working()
        var actions = machine.handle(.gathered(UpdateSamples.facts(), now: 1))
        for step in [UpdateStep.send, .keep, .arm, .install] {
            #expect(actions == [.perform(step, before: before)])
            actions = machine.handle(.done(step))
        }
        #expect(actions == [.gather])
        return machine
    }

    @Test("sent, kept, armed, installed, looked at from in and outside, confirmed: in this order")
    func straight() throws {
        var machine = try installed()
        #expect(machine.handle(.gathered(try UpdateSamples.tried { $0.fleet = nil }, now: 5)) == [.wait(0.5), .gather])
        #expect(machine.handle(.gathered(try UpdateSamples.tried(), now: 6)) == [.perform(.visit, before: before)])
        #expect(machine.handle(.done(.visit)) == [.gather])
        #expect(machine.handle(.gathered(try UpdateSamples.tried(), now: 7)) == [.perform(.confirm, before: before)])
        #expect(machine.handle(.done(.confirm)) == [.gather])
        #expect(machine.handle(.gathered(try UpdateSamples.updated(), now: 8)) == [])
        #expect(machine.state == .updated && machine.versionBefore == "0.1.0")
    }

    @Test("a host that has the package is left alone")
    func unchanged() throws {
        var machine = SelfUpdateMachine(try UpdateSamples.judge())
        _ = machine.handle(.gathered(try UpdateSamples.updated(), now: 0))
        #expect(machine.state == .ready(false))
        #expect(machine.handle(.go) == [] && machine.state == .unchanged)
    }

    @Test("one that is not healthy within its time goes back, and says why")
    func notHealthy() throws {
        var machine = try installed()
        let ill = try UpdateSamples.tried { $0.supervisor.isActive = false }
        #expect(machine.handle(.gathered(ill, now: 10)) == [.wait(0.5), .gather])
        #expect(machine.handle(.gathered(ill, now: 69.9)) == [.wait(0.5), .gather])
        #expect(machine.handle(.gathered(ill, now: 70)) == [.perform(.undo, before: before)])
        #expect(machine.handle(.done(.undo)) == [.gather])
        #expect(machine.handle(.gathered(UpdateSamples.facts { $0.fleet = nil }, now: 80)) == [.wait(0.5), .gather])
        #expect(machine.handle(.gathered(UpdateSamples.facts(), now: 81)) == [])
        guard case .reverted(let failure) = machine.state else {
            Issue.record("\(machine.state)")
            return
        }
        #expect(failure.why == "its supervisor does not run" && failure.next.contains("0.1.0 again"))
    }

    @Test("harm goes back at once; who was harmed need not be who they were")
    func harmed() throws {
        var machine = try installed()
        #expect(
            machine.handle(.gathered(try UpdateSamples.tried { $0.lasting.edge = 99 }, now: 10))
                == [.perform(.undo, before: before)])
        _ = machine.handle(.done(.undo))
        #expect(machine.handle(.gathered(UpdateSamples.facts { $0.lasting.edge = 99 }, now: 12)) == [])
        #expect(machine.state.isOver && machine.state != .updated)
        guard case .reverted = machine.state else {
            Issue.record("\(machine.state)")
            return
        }
    }

    @Test("a failed installation, and an edge that is not seen from outside, go back")
    func failedSteps() throws {
        var machine = try working()
        _ = machine.handle(.gathered(UpdateSamples.facts(), now: 1))
        for step in [UpdateStep.send, .keep, .arm] { _ = machine.handle(.done(step)) }
        #expect(machine.handle(.failed(trouble)) == [.perform(.undo, before: before)])
        var other = try installed()
        _ = other.handle(.gathered(try UpdateSamples.tried(), now: 5))
        #expect(other.handle(.failed(trouble)) == [.perform(.undo, before: before)])
    }

    @Test("what fails before anything is armed changes nothing")
    func failedEarly() throws {
        var machine = try working()
        _ = machine.handle(.gathered(UpdateSamples.facts(), now: 1))
        #expect(machine.handle(.failed(trouble)) == [] && machine.state == .failed(trouble))
    }

    @Test("a host that can't go back is told as such, and by its own exit code")
    func stuck() throws {
        var machine = try installed()
        let ill = try UpdateSamples.tried { $0.lasting.edge = 99 }
        _ = machine.handle(.gathered(ill, now: 10))
        _ = machine.handle(.done(.undo))
        let undoing = try UpdateSamples.tried { $0.trial?.isUndoing = true }
        #expect(machine.handle(.gathered(undoing, now: 20)) == [.wait(0.5), .gather])
        #expect(machine.handle(.gathered(undoing, now: 300)) == [])
        guard case .failed(let failure) = machine.state else {
            Issue.record("\(machine.state)")
            return
        }
        #expect(failure.code == .revertFailed && failure.next.contains(UpdatePlace.before))
    }

    @Test("what another run began is judged, and confirmed, by this one")
    func adopted() throws {
        var machine = SelfUpdateMachine(try UpdateSamples.judge())
        _ = machine.handle(.gathered(try UpdateSamples.tried(), now: 0))
        #expect(machine.state == .ready(true))
        _ = machine.handle(.go)
        #expect(machine.handle(.gathered(try UpdateSamples.tried(), now: 1)) == [.perform(.visit, before: before)])
    }

    @Test("what is being installed is waited for, and what never came to it is installed")
    func cutInstallation() throws {
        var machine = try working()
        let busy = try UpdateSamples.tried {
            $0.trial?.isInstalled = false
            $0.isInstalling = true
        }
        #expect(machine.handle(.gathered(busy, now: 1)) == [.wait(0.5), .gather])
        let idle = try UpdateSamples.tried { $0.trial?.isInstalled = false }
        #expect(machine.handle(.gathered(idle, now: 2)) == [.perform(.install, before: before)])
    }

    @Test("a lost connection is taken up again, and after some the host is left to its timer")
    func lost() throws {
        var machine = try installed()
        for time in [1.0, 2, 4, 8, 16] { #expect(machine.handle(.lost(trouble)) == [.wait(Seconds(time)), .gather]) }
        #expect(machine.handle(.lost(trouble)) == [])
        guard case .failed(let failure) = machine.state else {
            Issue.record("\(machine.state)")
            return
        }
        #expect(failure.next.contains("by itself"))
    }
}
