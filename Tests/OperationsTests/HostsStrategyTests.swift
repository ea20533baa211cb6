import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// Law 3 where two generations serve at once, on several hosts that can be cut off meanwhile.
@Suite("Canaries and rolling updates over several hosts", .serialized)
struct HostsStrategyTests {
    enum Way: CaseIterable {
        case share, canary, rolling

        func apply(to spec: inout FleetSpec) {
            spec.rollout.strategy = self == .rolling ? .rolling : .canary
            let size = self == .share ? CanaryRolloutSpec.Size.share(0.3) : .instances(1)
            spec.rollout.canary = self == .rolling ? nil : CanaryRolloutSpec(size: size, time: 2)
            if self == .rolling { spec.pools[0].replicas = 3 }
        }
    }

    /// The first generation has as many replicas as the next one.
    private func up(_ lab: HostsLab, _ way: Way) async throws {
        let fleet = lab.newOperator("1.0.0") { way.apply(to: &$0) }
        _ = try await lab.run { try await fleet.up() }
        lab.cutNext(nil)
    }

    private func steps(of rollout: Int, _ lab: HostsLab) async throws -> [String] {
        let home = lab.worlds[0]
        return try await MemoryLedger(disk: home.disk, path: home.layout.ledger, fuse: Fuse())
            .journal(of: rollout).filter { $0.mark == .intent }.map(\.step)
    }

    @Test("on each host they come to one generation, as on one host alone", arguments: Way.allCases)
    func converges(way: Way) async throws {
        let lab = HostsLab()
        try await up(lab, way)
        let next = lab.newOperator("2.0.0") { way.apply(to: &$0) }
        let result = try await lab.run { try await next.rollout() }
        guard case .converged(2, _, _, _) = result else { return #expect(Bool(false), "\(result)") }
        #expect(try await lab.serving() == [2, 2, 2])
        let steps = try await steps(of: 2, lab)
        switch way {
        case .share, .canary: #expect(steps.contains("watch") && steps.filter { $0.hasPrefix("share") }.count == 1)
        case .rolling:
            #expect(steps.filter { $0.hasPrefix("retire") } == ["retire.1", "retire.2"])
            // The last of each host is there until the decision.
            for world in lab.worlds { #expect(world.machine.starts.count { $0.hasSuffix("-g1") } == 3) }
        }
        // For good: nobody's silence changes anything any more.
        await lab.pass(60)
        #expect(try await lab.traffic() == Array(repeating: [2: 1], count: 3))
        let status = try await lab.run { try await next.status() }
        #expect(status.converged && Set(status.instances.map(\.version)) == ["2.0.0"])
    }

    @Test("a share is the same on each host, for as long as the operator says that it holds", arguments: Way.allCases)
    func held(way: Way) async throws {
        let lab = HostsLab()
        try await up(lab, way)
        let fuse = Fuse()
        let dying = lab.newOperator("2.0.0", fuse: fuse) { spec in
            way.apply(to: &spec)
            spec.rollout.canary?.time = 600
            // A part that drains for long.
            if way == .rolling { spec.rollout.drain = 600 }
        }
        if way == .rolling { for world in lab.worlds { world.sessions.set("a2", 1) } }
        Task { try await dying.rollout() }
        for world in lab.worlds { try await world.until("shares") { $0.trial?.generation == 2 } }
        if way == .rolling {
            try await lab.worlds[0].until("drains") { $0.status.instances.contains { $0.state == .draining } }
        }
        let parts: [Way: Double] = [.share: 0.3, .canary: 1.0 / 3, .rolling: 0.5]
        let part = parts[way] ?? 0
        await lab.pass(60)
        for host in try await lab.traffic() { #expect(abs((host[2] ?? 0) - part) < 0.001, "\(host)") }
        fuse.blow()
        await lab.pass(10)
        #expect(try await lab.traffic() == Array(repeating: [1: 1], count: 3))
        for world in lab.worlds { world.sessions.set("a2", 0) }
        let other = lab.newOperator("2.0.0")
        guard case .went(.converged(2, _, _, _)) = try await lab.run({ try await other.resume() }) else {
            return #expect(Bool(false), "not resumed")
        }
        #expect(try await lab.serving() == [2, 2, 2])
        if way == .rolling {
            let again = try await steps(of: 2, lab).drop { $0 != "retire.2" }.dropFirst().prefix(5)
            // Nobody else goes before those that came have their part again.
            #expect(again == ["start.1", "verify.1", "compare.1", "share.1", "retire.2"], "\(again)")
        }
    }

    @Test(
        "a host that vanishes while it shares has no share any more when the operator says so", arguments: Way.allCases)
    func vanishes(way: Way) async throws {
        for isPower in [false, true] {
            let lab = HostsLab()
            try await up(lab, way)
            let next = lab.newOperator("2.0.0") { spec in
                way.apply(to: &spec)
                spec.rollout.canary?.time = 60
            }
            let cutting = Task {
                for world in lab.worlds { try await world.until("shares") { $0.trial?.generation == 2 } }
                lab.lose(1, power: isPower)
            }
            let refusal = await #expect(throws: Failure.self) { try await lab.run { try await next.rollout() } }
            try await cutting.value
            #expect(refusal?.code == .failed, "\(String(describing: refusal))")
            #expect(try await lab.traffic() == Array(repeating: [1: 1], count: 3), "power: \(isPower)")
            lab.find(1)
            let mending = lab.newOperator("1.0.0") { way.apply(to: &$0) }
            _ = try await lab.run { try await mending.up() }
            let status = try await lab.run { try await mending.status() }
            #expect(status.converged && Set(status.instances.map(\.version)) == ["1.0.0"])
        }
    }

    @Test("a supervisor that starts anew while it shares ends that at once, and so does the rollout")
    func restarts() async throws {
        let lab = HostsLab()
        try await up(lab, .share)
        let next = lab.newOperator("2.0.0") { spec in
            Way.share.apply(to: &spec)
            spec.rollout.canary?.time = 60
        }
        let killing = Task {
            for world in lab.worlds { try await world.until("shares") { $0.trial?.generation == 2 } }
            lab.worlds[1].killSupervisor()
            lab.worlds[1].startSupervisor()
        }
        let refusal = await #expect(throws: Failure.self) { try await lab.run { try await next.rollout() } }
        try await killing.value
        #expect(refusal?.why.contains("web-2 it gives generation 2 no share any more") == true, "\(refusal as Any)")
        #expect(try await lab.traffic() == Array(repeating: [1: 1], count: 3))
    }

    @Test("in the middle of a rolling update, too, and nobody waits for it to come back")
    func restartsInPart() async throws {
        let lab = HostsLab()
        try await up(lab, .rolling)
        let began = Mutex<Double?>(nil)
        var next = lab.newOperator("2.0.0") { Way.rolling.apply(to: &$0) }
        let seams = RolloutSeams(journaled: { entry in
            guard entry.step == "share.1", entry.mark == .done else { return }
            began.withLock { $0 = lab.time.now }
            lab.worlds[1].killSupervisor()
            lab.worlds[1].startSupervisor()
        })
        next = FleetOperator(ports: next.ports, context: next.context, seams: seams)
        let rolling = next
        let refusal = await #expect(throws: Failure.self) { try await lab.run { try await rolling.rollout() } }
        #expect(refusal?.code == .failed && refusal?.why.contains("no share any more") == true, "\(refusal as Any)")
        #expect(lab.time.now - (began.withLock { $0 } ?? 0) < 50)
        #expect(try await lab.traffic() == Array(repeating: [1: 1], count: 3))
        let status = try await lab.run { try await rolling.status() }
        #expect(status.converged && status.instances.count == 9, "what was taken away is there again")
    }

    /// The law: when it is over and the certain time has passed, all hosts serve one generation, the one that was
    /// decided for; and who says that it is undone has waited until it is.
    @Test("cut at any call, with the word arrived or not, with power or not: all or nothing", arguments: Way.allCases)
    func law(way: Way) async throws {
        let whole = HostsLab()
        try await up(whole, way)
        let rollout = whole.newOperator("2.0.0") { way.apply(to: &$0) }
        _ = try await whole.run { try await rollout.rollout() }
        let count = whole.callCount
        #expect(count > 60)
        var dice = SystemSeed(seed: 11)
        var ends: [Int: Int] = [:]
        var at = 1
        while at <= count {
            let cut = HostsLab.Cut(
                host: Int.random(in: 0..<3, using: &dice), at: at, arrives: Bool.random(using: &dice),
                isPower: Bool.random(using: &dice))
            ends[try await voyage(way, cut), default: 0] += 1
            at += Int.random(in: 4..<9, using: &dice)
        }
        #expect((ends[1] ?? 0) > 0 && (ends[2] ?? 0) > 0, "\(ends)")
    }

    private func voyage(_ way: Way, _ cut: HostsLab.Cut) async throws -> Int {
        let lab = HostsLab()
        try await up(lab, way)
        lab.cutNext(cut)
        let second = lab.newOperator("2.0.0") { way.apply(to: &$0) }
        let (outcome, code) = try await lab.run { () -> (String, Failure.Code?) in
            do {
                return ("\(try await second.rollout())", nil)
            } catch { return ("\(error)", (error as? Failure)?.code) }
        }
        await (second.ports.control as? HostsControl)?.close()
        let atOnce = try await lab.traffic()
        await lab.pass(30)
        let record = try await lab.worlds[0].ledger()
        let step = record.rollout.flatMap { $0.number == 2 ? $0.step : nil } ?? ""
        let decided = record.current?.number == 2 || ["drain", "stop", "finalize", "prune"].contains(step)
        let generation = decided ? 2 : 1
        let after = try await lab.traffic()
        // Sealed, and not reached by the decision, a host serves nobody.
        let isSealed = try await steps(of: 2, lab).contains("settle")
        let isRight = after.allSatisfy { $0 == [generation: 1] || (isSealed && $0.isEmpty) }
        #expect(isRight, "\(cut): \(after) after \(outcome)")
        if !decided {
            #expect(code == .failed || code == .unavailable, "\(cut): \(outcome)")
            #expect(atOnce == after, "\(cut): \(atOnce), \(outcome)")
        }
        // Back again, everything goes on to one end.
        lab.heal()
        let third = lab.newOperator("2.0.0") { way.apply(to: &$0) }
        let resumed = try await lab.run { () -> String in
            do { return "\(try await third.resume())" } catch { return "\(error)" }
        }
        let fourth = lab.newOperator("2.0.0") { way.apply(to: &$0) }
        let last = try await lab.run { () -> String in
            do { return "\(try await fourth.up())" } catch { return "\(error)" }
        }
        let now = try await lab.serving()
        #expect(Set(now).count == 1 && now[0] != nil, "\(cut): \(now), \(outcome), \(resumed), \(last)")
        let status = try await lab.run { try await fourth.status() }
        #expect(status.converged && status.release?.version == "2.0.0", "\(cut): \(outcome), \(resumed), \(last)")
        return generation
    }

    @Test(
        "an operator who is cut at any call: resume ends on the new release, rollback on the old",
        arguments: Way.allCases)
    func operatorCut(way: Way) async throws {
        var (at, isBack) = (3, false)
        while true {
            let lab = HostsLab()
            try await up(lab, way)
            let fuse = Fuse()
            lab.atCall(at) { fuse.blow() }
            let dying = lab.newOperator("2.0.0", fuse: fuse) { way.apply(to: &$0) }
            let rollout = Task { try await dying.rollout() }
            let isOver = try await lab.until {
                if fuse.isBlown { return true }
                return try await lab.worlds[0].ledger().current?.number == 2
            }
            #expect(isOver, "it hangs before call \(at)")
            guard fuse.isBlown else {
                _ = try? await lab.run { try await rollout.value }
                break
            }
            // By the next one soon, or when all has lapsed.
            await lab.pass(at.isMultiple(of: 2) ? 10 : 0.5)
            let other = lab.newOperator("2.0.0") { way.apply(to: &$0) }
            let note = "cut at call \(at), back: \(isBack)"
            let record = try await lab.worlds[0].ledger()
            let isOpen = record.next != nil
            let isBackHere = isBack
            let said = try await lab.run { () -> String in
                do {
                    return isBackHere ? "\(try await other.rollback())" : "\(try await other.resume())"
                } catch { return "\(error)" }
            }
            let version = try await lab.run { try await other.status() }.release?.version
            if isOpen { #expect(version == (isBack ? "1.0.0" : "2.0.0"), "\(note): \(said)") }
            let traffic = try await lab.traffic()
            #expect(Set(traffic.flatMap(\.keys)).count == 1 && traffic.allSatisfy { $0.count == 1 }, "\(note): \(said)")
            let status = try await lab.run { try await other.status() }
            #expect(status.converged, "\(note): \(said)")
            if at.isMultiple(of: 2) { isBack.toggle() }
            at += 7
        }
        #expect(at > 60)
    }
}
