import Fleet
import Testing

@testable import Planning

@Suite("The bootstrap of one host")
struct BootstrapMachineTests {
    private let trouble = Failure(.failed, "cannot", because: "of this", next: "do that")

    private func machine() throws -> BootstrapMachine {
        BootstrapMachine(BootstrapJudge(BootstrapSamples.host, try BootstrapSamples.wish()))
    }

    private func gathered(_ facts: HostFacts) -> BootstrapMachine.Event {
        .gathered(facts, now: BootstrapSamples.now, delay: 0)
    }

    @Test("from bare to serving: examined, told, then each change in its order, and a look from outside")
    func straight() throws {
        var machine = try machine()
        #expect(machine.begin() == [.gather])
        #expect(machine.handle(gathered(BootstrapSamples.bare())) == [])
        #expect(machine.state == .ready(BootstrapChange.allCases))
        var actions = machine.handle(.go)
        for change in BootstrapChange.allCases {
            #expect(actions == [.perform(change)])
            actions = machine.handle(.done(change))
        }
        #expect(actions == [.visit])
        #expect(machine.handle(.visited) == [])
        #expect(machine.state == .converged(BootstrapChange.allCases))
    }

    @Test("where the fleet comes up later, on all hosts together, its rules come then")
    func later() throws {
        var machine = BootstrapMachine(
            BootstrapJudge(BootstrapSamples.host, try BootstrapSamples.wish()), isForLater: true)
        let changes = BootstrapChange.allCases.filter { $0 != .firewall }
        _ = machine.handle(gathered(BootstrapSamples.bare()))
        #expect(machine.state == .ready(changes))
        var actions = machine.handle(.go)
        for change in changes {
            #expect(actions == [.perform(change)])
            actions = machine.handle(.done(change))
        }
        #expect(actions == [.visit])
    }

    @Test("nothing is performed before it may go")
    func barrier() throws {
        var machine = try machine()
        #expect(machine.handle(.go) == [])
        #expect(machine.handle(gathered(BootstrapSamples.bare())) == [])
        #expect(machine.handle(.done(.package)) != [.visit])
    }

    @Test("a host that is as it should be is asked what its convoy would do; nothing: only a look")
    func unchanged() throws {
        var machine = try machine()
        #expect(machine.handle(gathered(try BootstrapSamples.done())) == [.plan])
        #expect(machine.handle(.planned(fleet: false, firewall: false)) == [])
        #expect(machine.state == .ready([]))
        #expect(machine.handle(.go) == [.visit])
        #expect(machine.handle(.visited) == [])
        #expect(machine.state == .converged([]))
    }

    @Test("rules that were taken back are tried again, without bringing the fleet up anew")
    func onlyFirewall() throws {
        var machine = try machine()
        _ = machine.handle(gathered(try BootstrapSamples.done()))
        _ = machine.handle(.planned(fleet: false, firewall: true))
        #expect(machine.state == .ready([.firewall]))
        #expect(machine.handle(.go) == [.perform(.firewall)])
    }

    @Test("a fleet that is still to come up is given its firewall, though its host can't know of one yet")
    func fleetAndFirewall() throws {
        var machine = try machine()
        _ = machine.handle(gathered(try BootstrapSamples.done()))
        _ = machine.handle(.planned(fleet: true, firewall: false))
        #expect(machine.state == .ready([.fleet, .firewall]))
    }

    @Test("what stands in the way ends it before anything is changed")
    func refused() throws {
        var machine = try machine()
        #expect(machine.handle(gathered(BootstrapSamples.bare { $0.systemd = nil })) == [])
        guard case .refused(let failures) = machine.state else {
            Issue.record("\(machine.state)")
            return
        }
        #expect(failures.count == 1 && machine.handle(.go) == [])
    }

    @Test("a host that can't be reached at first is told at once")
    func unreachable() throws {
        var machine = try machine()
        #expect(machine.handle(.lost(trouble)) == [])
        #expect(machine.state == .failed(trouble))
    }

    @Test("after a lost connection the host is asked again, and only what is missing is done")
    func lost() throws {
        var machine = try machine()
        _ = machine.handle(gathered(BootstrapSamples.bare()))
        _ = machine.handle(.go)
        _ = machine.handle(.done(.quietNginx))
        #expect(machine.handle(.lost(trouble)) == [.wait(1), .gather])
        // The package had come through.
        let facts = try BootstrapSamples.done { facts in
            facts.releases = []
            facts.files = [:]
        }
        #expect(machine.handle(gathered(facts)) == [.perform(.release)])
    }

    @Test("patience ends after some losses in a row, and something done restores it")
    func patience() throws {
        var machine = try machine()
        _ = machine.handle(gathered(BootstrapSamples.bare()))
        _ = machine.handle(.go)
        for time in [1.0, 2, 4] { #expect(machine.handle(.lost(trouble)) == [.wait(Seconds(time)), .gather]) }
        _ = machine.handle(gathered(BootstrapSamples.bare()))
        _ = machine.handle(.done(.quietNginx))
        #expect(machine.handle(.lost(trouble)) == [.wait(1), .gather])
        for _ in 0..<2 { _ = machine.handle(.lost(trouble)) }
        #expect(machine.handle(.lost(trouble)) == [])
        #expect(machine.state == .failed(trouble))
    }

    @Test("a failure ends it with what was done until then")
    func failed() throws {
        var machine = try machine()
        _ = machine.handle(gathered(BootstrapSamples.bare()))
        _ = machine.handle(.go)
        _ = machine.handle(.done(.quietNginx))
        #expect(machine.handle(.failed(trouble)) == [])
        #expect(machine.state == .failed(trouble) && machine.performed == [.quietNginx])
        #expect(machine.handle(.done(.package)) == [])
    }

    /// Hosts with a connection that goes at any moment, and convoys that are killed at any moment.
    @Test("laws of 4,000 voyages: it ends; every change is done in its order; nothing is done that is done")
    func laws() throws {
        for seed in 0..<4_000 {
            var dice = SeededDice(state: UInt64(seed))
            var host = PretendedHost()
            var runs = 0
            while !(try host.isConverged()) {
                runs += 1
                // Killed at some step, but not for ever.
                let limit = runs > 5 ? Int.max : Int.random(in: 1...12, using: &dice)
                try sail(&host, &dice, steps: limit, loses: runs <= 5)
                try #require(runs < 8, "seed \(seed) never converges")
            }
            try #require(host.faults.isEmpty, "seed \(seed): \(host.faults)")
            // Once more: nothing to do.
            var machine = try machine()
            _ = machine.handle(gathered(try host.facts()))
            _ = machine.handle(.planned(fleet: !host.did.contains(.fleet), firewall: !host.did.contains(.firewall)))
            try #require(machine.state == .ready([]), "seed \(seed)")
        }
    }

    private func sail(_ host: inout PretendedHost, _ dice: inout SeededDice, steps: Int, loses: Bool) throws {
        var machine = try machine()
        var queue = machine.begin()[...]
        var isGone = false
        for _ in 0..<min(steps, 1000) {
            if case .ready = machine.state, !isGone { (queue, isGone) = (machine.handle(.go)[...], true) }
            guard let action = queue.popFirst() else { return }
            // Who waits says nothing that could be lost.
            var isLost = loses && Int.random(in: 0..<6, using: &dice) == 0
            if case .wait = action { isLost = false }
            var event: BootstrapMachine.Event?
            switch action {
            case .gather: event = gathered(try host.facts())
            case .plan: event = .planned(fleet: !host.did.contains(.fleet), firewall: !host.did.contains(.firewall))
            case .perform(let change):
                // Of what was under way when the connection went, nobody knows.
                if !isLost || Bool.random(using: &dice) { host.perform(change) }
                event = .done(change)
            case .visit: event = .visited
            case .wait: event = nil
            }
            if isLost { event = .lost(trouble) }
            if let event { queue += machine.handle(event) }
        }
    }
}

private struct PretendedHost {
    var did: Set<BootstrapChange> = []
    var faults: [String] = []

    mutating func perform(_ change: BootstrapChange) {
        let needed: [BootstrapChange: Set<BootstrapChange>] = [
            .package: [.quietNginx], .release: [.package], .fleet: [.package, .release, .files, .credentialKey],
            .firewall: [.fleet],
        ]
        let missing = (needed[change] ?? []).subtracting(did)
        if !missing.isEmpty { faults.append("\(change) before \(missing)") }
        // Of these nothing tells from outside, and twice is once.
        let mayBeAgain: Set<BootstrapChange> = [.quietNginx, .fleet, .firewall]
        if did.contains(change), !mayBeAgain.contains(change) { faults.append("\(change) again") }
        did.insert(change)
    }

    func isConverged() throws -> Bool { did == Set(BootstrapChange.allCases) }

    func facts() throws -> HostFacts {
        let done = try BootstrapSamples.done()
        return BootstrapSamples.bare { facts in
            if did.contains(.package) {
                (facts.package, facts.packageFile, facts.programs) = (done.package, done.packageFile, done.programs)
            }
            if did.contains(.credentialKey) { facts.hasCredentialKey = true }
            if did.contains(.release) { facts.releases = done.releases }
            if did.contains(.files) { facts.files = done.files }
        }
    }
}
