import Fleet
import Foundation
import Planning
import Ports
import Testing

@testable import Operations

@Suite("Traffic for two generations", .timeLimit(.minutes(10)))
struct TrafficShareTests {
    private let lab = TrafficLab()
    private var world: FakeWorld { lab.world }

    @Test("a share is in the gate's policy once the call returns, and nginx is not touched for it")
    func share() async throws {
        let (old, new) = try await lab.both()
        let supervisor = try lab.supervisor()
        let installs = world.edge.installs
        try await world.run { try await supervisor.share(2, part: 0.3) }
        let pool = try lab.pool()
        #expect(pool.active == old.colour)
        #expect(pool.also == GatePolicy.Pool.Also(colour: new.colour, part: 0.3, seed: 2))
        #expect(pool.sessions == ["a1", "a2", "a3", "b1", "b2", "b3"], "sessions that it opens are its own")
        #expect(try world.machine.appliedPolicy == lab.policy().revision)
        try await world.run { try await supervisor.share(2, part: 0.3) }
        #expect(world.edge.installs == installs)
        let report = try await world.until("shares") { $0.status.trafficShare.count == 2 }
        #expect(
            report.status.trafficShare == [
                TrafficShare(pool: "analytics", generation: 1, part: 0.7),
                TrafficShare(pool: "analytics", generation: 2, part: 0.3),
            ])
        try await world.run { try await supervisor.share(2, part: 0) }
        #expect(try lab.pool().also == nil)
        #expect(try lab.pool().sessions.count == 6, "whoever has a session there keeps it")
        #expect(world.edge.installs == installs)
    }

    @Test("nobody shares who is not fit, not there, or serves already")
    func refused() async throws {
        let old = try await lab.serving()
        let supervisor = try lab.supervisor()
        world.prober.answer { $0.endpoint.contains(":42003/") ? .notReady : .well }
        let new = try await Samples.staged(2, in: world, over: old, version: "2.0.0")
        try await world.run { try await supervisor.begin(new) }
        try await world.until("two of three") { $0.status.instances.count { $0.generation == 2 && $0.ready } == 2 }
        let before = try lab.policy()
        let unfit = try await failure { try await world.run { try await supervisor.share(2, part: 0.5) } }
        #expect(unfit.why == "analytics-2-g2 is not ready and proved")
        #expect(try await failure { try await supervisor.share(3, part: 0.5) }.why == "this host does not run it")
        #expect(try await failure { try await supervisor.share(1, part: 0.5) }.why == "it serves all of it")
        for part in [-0.1, 1.1, .nan, .infinity] {
            #expect(try await failure { try await supervisor.share(2, part: part) }.code == .usage)
        }
        try await world.run { try await supervisor.share(3, part: 0) }
        #expect(try lab.policy() == before)
    }

    @Test("one that becomes unfit while it shares gets nothing new; when none is fit, all goes to who serves")
    func benched() async throws {
        let (_, new) = try await lab.both()
        let supervisor = try lab.supervisor()
        try await world.run { try await supervisor.share(2, part: 0.3) }
        let first = "convoy-shop." + new.instances[0].name
        world.database[first]?.grants.insert(DatabaseGrant(database: "shop", role: "readWrite"))
        try await world.run { try await supervisor.check() }
        #expect(!lab.isUp(new.instances[0]) && lab.isUp(new.instances[1]))
        #expect(try lab.pool().also?.part == 0.3)
        #expect(try lab.pool().sessions == ["a1", "a2", "a3", "b2", "b3"])
        for instance in new.instances.dropFirst() {
            let user = "convoy-shop." + instance.name
            world.database[user]?.grants.insert(DatabaseGrant(database: "shop", role: "readWrite"))
        }
        try await world.run { try await supervisor.check() }
        #expect(try lab.pool().also == nil)
        for instance in new.instances {
            world.database["convoy-shop." + instance.name]?.grants = [Samples.shop]
        }
        try await world.run { try await supervisor.check() }
        #expect(try lab.pool().also?.part == 0.3, "proved again, they have their share again")
    }

    @Test("a supervisor that was killed goes on with the share")
    func killed() async throws {
        _ = try await lab.both()
        let supervisor = try lab.supervisor()
        try await world.run { try await supervisor.share(2, part: 0.25) }
        let before = try lab.pool()
        for _ in 0..<3 {
            lab.restart()
            try await lab.ready(2, 3)
            try await world.until("the same") { _ in (try? lab.pool()) == before }
        }
        world.killSupervisor()
        let path = world.layout.generations + "/active.json"
        world.disk[path] = #"{"generation":1,"policyRevision":9,"retiring":[]}"#
        world.startSupervisor()
        try await world.until("an older supervisor's book") { _ in (try? lab.pool().also) == .some(nil) }
    }

    @Test("a flip ends the share; a flip back too, and whoever has sessions there keeps them until it is taken away")
    func flip() async throws {
        let (_, new) = try await lab.both()
        let supervisor = try lab.supervisor()
        try await world.run { try await supervisor.share(2, part: 0.5) }
        try await world.run { try await supervisor.flip(to: 2) }
        #expect(try lab.pool().active == new.colour && lab.pool().also == nil)
        try await world.run { try await supervisor.flip(to: 1) }
        #expect(try lab.pool().active == .a && lab.pool().also == nil)
        #expect(try lab.pool().sessions.count == 6)
        try await world.run { try await supervisor.share(2, part: 0.5) }
        try await world.run { try await supervisor.flip(to: 1) }
        #expect(try lab.pool().also == nil, "it serves already: whoever shared gives its part back")
    }

    @Test("who is taken away gives its share back first")
    func retire() async throws {
        let (_, new) = try await lab.both()
        let supervisor = try lab.supervisor()
        try await world.run { try await supervisor.share(2, part: 0.5) }
        world.sockets.connect(1, to: new.instances[0].port)
        let retiring = Task { try await supervisor.retire(2, drain: 300) }
        try await world.until("draining") { $0.status.instances.count { $0.state == .draining } == 3 }
        #expect(try lab.pool().also == nil)
        #expect(try lab.pool().sessions.count == 6)
        let late = try await failure { try await world.run { try await supervisor.share(2, part: 0.1) } }
        #expect(late.why == "it is being taken away")
        #expect(try await failure { try await world.run { try await supervisor.flip(to: 2) } }.why == late.why)
        world.sockets.connect(0, to: new.instances[0].port)
        try await world.run { try await retiring.value }
        try await world.until("converged") { $0.status.converged && $0.status.generation == 1 }
    }

    @Test("a share that the gate does not confirm is taken back; what was taken back stays so")
    func deafGate() async throws {
        _ = try await lab.both()
        let supervisor = try lab.supervisor()
        world.machine.makeGateDeaf(true)
        let refusal = try await failure { try await world.run { try await supervisor.share(2, part: 0.5) } }
        #expect(refusal.what == "the gate did not take the new policy")
        #expect(try lab.pool().also == nil)
        world.machine.makeGateDeaf(false)
        try await world.run { try await supervisor.share(2, part: 0.5) }
        world.machine.makeGateDeaf(true)
        _ = try await failure { try await world.run { try await supervisor.share(2, part: 0) } }
        world.machine.makeGateDeaf(false)
        try await world.run { try await supervisor.check() }
        #expect(try lab.pool().also == nil)
    }

    @Test("headers are trusted only when both generations compare them")
    func eras() async throws {
        let supervisor = world.startSupervisor()
        var old = try await Samples.staged(1, in: world)
        old.pools[0].tools = ToolRule(.allow, ["find"])
        let first = old
        try await world.run { try await supervisor.begin(first) }
        try await lab.ready(1, 3)
        try await world.run { try await supervisor.flip(to: 1) }
        let new = try await Samples.staged(2, in: world, over: first, version: "2.0.0")
        try await world.run { try await supervisor.begin(new) }
        try await lab.ready(2, 3)
        try await world.run { try await supervisor.share(2, part: 0.5) }
        #expect(try lab.pool().comparesHeaders)
        lab.restart()
        try await world.until("as before") { _ in (try? lab.pool().comparesHeaders) == true }
    }
}
