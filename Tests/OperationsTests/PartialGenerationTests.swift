import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

@Suite("Generations of which a part runs", .timeLimit(.minutes(10)))
struct PartialGenerationTests {
    private let lab = TrafficLab()
    private var world: FakeWorld { lab.world }

    private func next(_ old: GenerationPlan) async throws -> GenerationPlan {
        try await Samples.staged(2, in: world, over: old, version: "2.0.0")
    }

    @Test("one after the other: new traffic is shared in proportion to the fit instances, and the last step is a flip")
    func rolling() async throws {
        let old = try await lab.serving()
        let new = try await next(old)
        let supervisor = try lab.supervisor()
        for step in 0..<3 {
            let (going, coming) = (old.instances[step].name, new.instances[step].name)
            _ = try await world.run { try await supervisor.retire(1, only: [going], drain: 10) }
            #expect(world.machine.ids.count == 4, "there is room for three beside gate and edge")
            #expect(!lab.isUp(old.instances[step]))
            try await world.run { try await supervisor.begin(new, only: [coming]) }
            if step < 2 {
                let early = try await failure { try await world.run { try await supervisor.flip(to: 2) } }
                #expect(early.why.hasSuffix("is not ready and proved"))
            }
            try await lab.ready(2, step + 1)
            try await world.run { try await supervisor.balance(2) }
            let part = Double(step + 1) / 3
            #expect(try lab.pool().also == GatePolicy.Pool.Also(colour: .b, part: part, seed: 2))
            #expect(new.instances.map(lab.isUp) == (0..<3).map { $0 <= step })
        }
        try await world.run { try await supervisor.flip(to: 2) }
        #expect(try lab.pool().also == nil && lab.pool().active == .b)
        try await world.run { try await supervisor.retire(1, drain: 10) }
        let report = try await world.until("converged") { $0.status.converged }
        #expect(report.generations == [new])
        #expect(world.machine.starts.count { $0.hasPrefix("analytics") } == 6)
    }

    @Test("ports of instances that do not run are held, and nobody is sent there")
    func ports() async throws {
        let old = try await lab.serving()
        let new = try await next(old)
        let supervisor = try lab.supervisor()
        let first = new.instances[0].name
        try await world.run { try await supervisor.begin(new, only: [first]) }
        try await lab.ready(2, 1)
        #expect(world.sockets.held == Set(new.instances.dropFirst().map(\.port)))
        #expect(new.instances.dropFirst().allSatisfy { !lab.isUp($0) })
        let report = try await world.until("known") { $0.generations.count == 2 }
        #expect(report.generations == [old, new], "the whole plan is known")
        #expect(!report.status.converged)
        let unknown = try await failure { try await supervisor.begin(new, only: ["analytics-9-g2"]) }
        #expect(unknown.why == "it has no analytics-9-g2")
        try await world.run { try await supervisor.begin(new) }
        try await lab.ready(2, 3)
        #expect(world.machine.starts.count { $0 == first } == 1)
    }

    @Test("while one drains its sessions stay with it, and nothing new comes to it")
    func drains() async throws {
        let old = try await lab.serving()
        let supervisor = try lab.supervisor()
        let going = old.instances[1]
        world.sockets.connect(1, to: going.port)
        let retiring = Task { try await supervisor.retire(1, only: [going.name], drain: 300) }
        try await world.until("out of rotation") { _ in !lab.isUp(going) }
        #expect(try lab.pool().sessions == ["a1", "a2", "a3"])
        let lines = lab.lines(going.port)
        #expect(lines.count { !$0.hasSuffix("down;") } == 1, "its own sessions only: \(lines)")
        #expect(world.machine.running(going.name) != nil)
        world.sockets.connect(0, to: going.port)
        _ = try await world.run { try await retiring.value }
        #expect(try lab.pool().sessions == ["a1", "a3"])
        #expect(world.machine.running(going.name) == nil)
    }

    @Test("one that drains is called back by begin; its retirement then ends without it")
    func recalled() async throws {
        let old = try await lab.serving()
        let supervisor = try lab.supervisor()
        let going = old.instances[1]
        world.sockets.connect(1, to: going.port)
        let retiring = Task { try await supervisor.retire(1, only: [going.name], drain: 300) }
        try await world.until("out of rotation") { _ in !lab.isUp(going) }
        try await world.run { try await supervisor.begin(old, only: [going.name]) }
        world.sockets.connect(0, to: going.port)
        _ = try await world.run { try await retiring.value }
        try await world.until("whole again") { $0.status.converged && lab.isUp(going) }
        #expect(world.machine.starts.count { $0 == going.name } == 1)
    }

    @Test("wherever the gate sends new traffic, nginx has somebody: also when the last of a generation goes, and comes")
    func order() async throws {
        let old = try await lab.serving()
        let new = try await next(old)
        let supervisor = try lab.supervisor()
        try await world.run { try await supervisor.begin(new) }
        try await lab.ready(2, 3)
        try await world.run { try await supervisor.balance(2) }
        let nowhere = Mutex<[String]>([])
        let lab = lab
        world.edge.watch {
            guard let pool = try? lab.pool() else { return }
            let part = pool.also?.part ?? 0
            if part < 1, !old.instances.contains(where: lab.isUp) { nowhere.withLock { $0.append("a \(part)") } }
            if part > 0, !new.instances.contains(where: lab.isUp) { nowhere.withLock { $0.append("b \(part)") } }
        }
        let all = Set(old.instances.map(\.name))
        let reloads = world.edge.installs
        _ = try await world.run { try await supervisor.retire(1, only: all, drain: 0) }
        #expect(try lab.pool().also?.part == 1)
        try await world.run { try await supervisor.begin(old) }
        try await lab.ready(1, 3)
        try await world.until("shared again") { _ in (try? lab.pool().also?.part) == 0.5 }
        #expect(nowhere.withLock { $0 } == [])
        #expect(world.edge.installs > reloads)
    }

    @Test("the last one of a pool is not taken away while nobody else serves it")
    func outage() async throws {
        let old = try await lab.serving()
        let supervisor = try lab.supervisor()
        let all = Set(old.instances.map(\.name))
        let refusal = try await failure { _ = try await supervisor.retire(1, only: all, drain: 0) }
        #expect(refusal.why == "nobody else serves pool analytics then")
        #expect(world.machine.ids.count == 5)
        let new = try await next(old)
        try await world.run { try await supervisor.begin(new) }
        try await lab.ready(2, 3)
        try await world.run { try await supervisor.balance(2) }
        _ = try await world.run { try await supervisor.retire(1, only: all, drain: 0) }
        #expect(try lab.pool().also?.part == 1)
        let alone = try await failure { try await supervisor.retire(2, drain: 0) }
        #expect(alone.why == "nobody else serves pool analytics then")
    }

    @Test("`up` after a rolling update was cut: what it took away comes back before what it began goes")
    func upAfterCut() async throws {
        let lab = OperatorLab()
        _ = try await lab.up()
        let old = try #require(try await lab.world.ledger().current)
        let supervisor = try #require(lab.world.supervisor)
        let new = try await Samples.staged(2, in: lab.world, over: old, version: "2.0.0")
        let names = Set(new.instances.map(\.name))
        try await lab.world.run { try await supervisor.begin(new, only: names) }
        try await lab.world.until("ready") { $0.status.instances.count { $0.ready } == 6 }
        try await lab.world.run { try await supervisor.balance(2) }
        let all = Set(old.instances.map(\.name))
        _ = try await lab.world.run { try await supervisor.retire(1, only: all, drain: 0) }
        _ = try await lab.up()
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("a supervisor that was killed knows who was begun and who was taken away, and goes on from there")
    func killed() async throws {
        let old = try await lab.serving()
        let new = try await next(old)
        let supervisor = try lab.supervisor()
        let (gone, coming) = (old.instances[0].name, new.instances[0].name)
        _ = try await world.run { try await supervisor.retire(1, only: [gone], drain: 0) }
        try await world.run { try await supervisor.begin(new, only: [coming]) }
        try await lab.ready(2, 1)
        try await world.run { try await supervisor.balance(2) }
        let before = try lab.pool()
        let starts = world.machine.starts
        lab.restart()
        try await lab.ready(2, 1)
        try await lab.ready(1, 2)
        await world.pass(5)
        #expect(try lab.pool() == before && world.machine.starts == starts)

        let leaving = old.instances[1]
        world.sockets.connect(1, to: leaving.port)
        let again = try lab.supervisor()
        let retiring = Task { _ = try? await again.retire(1, only: [leaving.name], drain: 300) }
        try await world.until("out of rotation") { _ in !lab.isUp(leaving) }
        lab.restart()
        try await world.until("taken away") { [world] _ in world.machine.running(leaving.name) == nil }
        #expect(world.machine.starts == starts, "nothing comes back for its end")
        try await lab.ready(1, 1)
        retiring.cancel()
    }

    @Test("killed when the next ones have all new traffic, its successor leaves it to them from the beginning")
    func killedWithoutOld() async throws {
        let old = try await lab.serving()
        let new = try await next(old)
        let supervisor = try lab.supervisor()
        let begun = Set(new.instances.prefix(2).map(\.name))
        try await world.run { try await supervisor.begin(new, only: begun) }
        try await lab.ready(2, 2)
        try await world.run { try await supervisor.balance(2) }
        let all = Set(old.instances.map(\.name))
        _ = try await world.run { try await supervisor.retire(1, only: all, drain: 0) }
        let (policy, installs) = (try lab.policy(), world.edge.installs)
        #expect(policy.pools.first?.also?.part == 1)
        lab.restart()
        try await lab.ready(2, 2)
        await world.pass(5)
        let now = try lab.policy()
        #expect(now.pools == policy.pools)
        // One, which does not ask clients to close their connections any more: not for a moment to nobody.
        #expect(now.revision <= policy.revision + 1)
        #expect(world.edge.installs == installs)

        // Who was begun after it has to show first that it is fit.
        let last = new.instances[2]
        let third = last.probe.endpoint
        world.prober.answer { $0.endpoint == third ? .notReady : .well }
        let again = try lab.supervisor()
        try await world.run { try await again.begin(new, only: [last.name]) }
        try await world.until("runs") { [world] _ in world.machine.running(last.name) != nil }
        lab.restart()
        try await world.until("two of three") { $0.status.instances.count { $0.generation == 2 && $0.ready } == 2 }
        await world.pass(5)
        #expect(!lab.isUp(last))
    }

    @Test("back from the middle: what was taken away is begun again, the rest never noticed")
    func back() async throws {
        let old = try await lab.serving()
        let new = try await next(old)
        let supervisor = try lab.supervisor()
        let (gone, coming) = (old.instances[0].name, new.instances[0].name)
        _ = try await world.run { try await supervisor.retire(1, only: [gone], drain: 0) }
        try await world.run { try await supervisor.begin(new, only: [coming]) }
        try await lab.ready(2, 1)
        try await world.run { try await supervisor.balance(2) }
        try await world.run { try await supervisor.share(2, part: 0) }
        try await world.run { try await supervisor.begin(old) }
        try await lab.ready(1, 3)
        try await world.run { try await supervisor.retire(2, drain: 0) }
        try await world.until("converged on the old") { $0.status.converged && $0.status.generation == 1 }
        #expect(world.machine.starts.count { $0 == old.instances[1].name } == 1)
    }
}
