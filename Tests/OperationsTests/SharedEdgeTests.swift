import Fleet
import Foundation
import Testing

@testable import Operations

@Suite("An edge within the nginx that is there already", .timeLimit(.minutes(10)))
struct SharedEdgeTests {
    private let world = FakeWorld()
    private let file = "/etc/nginx/conf.d/convoy-shop.conf"

    private func spec(_ version: String = "1.0.0", _ change: (inout FleetSpec) -> Void = { _ in }) -> FleetSpec {
        Samples.spec(version) {
            $0.edge.mode = .include
            change(&$0)
        }
    }

    private func up(_ spec: FleetSpec) async throws {
        let fleet = world.newOperator(spec)
        _ = try await world.run { try await fleet.up() }
    }

    private func down(_ spec: FleetSpec) async throws {
        let fleet = world.newOperator(spec)
        try await world.run { try await fleet.down() }
    }

    @Test("up gives that nginx the file and starts none; its workers alone may ask the gate")
    func up() async throws {
        try await up(spec())
        #expect(world.sharedEdge.files[file]?["nginx.conf"]?.contains("convoy_shop_gate") == true)
        #expect(world.machine.ids == ["analytics-1-g1", "analytics-2-g1", "analytics-3-g1", "gate"])
        #expect(world.edge.installs == 0)
        #expect(world.sockets.listenerOwners == [FakeSharedEdge.workers])
        let status = try await world.until("converged") { $0.status.converged }.status
        #expect(status.edge.state == .up)
    }

    @Test("a rollout meets that nginx on the edge's port and does not reload it for the flip")
    func rollout() async throws {
        try await up(spec())
        let reloads = world.sharedEdge.reloads
        let fleet = world.newOperator(spec("2.0.0"))
        _ = try await world.run { try await fleet.rollout() }
        // Both colours are in the file from the first day.
        #expect(world.sharedEdge.reloads == reloads)
        #expect(try await world.ledger().current?.release.version == "2.0.0")
        #expect(!world.machine.starts.contains("edge"))
    }

    @Test("a port that the nginx has for its own sites is no stranger's; another's is")
    func ports() async throws {
        let own = spec { $0.edge.listen.port = 8080 }
        try await up(own)
        try await down(own)
        world.sockets.occupy(8443, by: "httpd (pid 9)")
        let refusal = try await failure { try await up(spec()) }
        #expect("\(refusal)".contains("port 8443 is taken by httpd (pid 9)"))
    }

    @Test("down takes the file away first, and the nginx goes on")
    func down() async throws {
        try await up(spec())
        try await down(spec())
        #expect(world.sharedEdge.files.isEmpty && world.sharedEdge.serves(8080))
        #expect(world.machine.ids.isEmpty)
        #expect(!world.machine.signals.contains { $0.contains("edge") })
        try await down(spec())
    }

    @Test("down of a fleet whose nginx does not let go says so, and the next one finishes")
    func stubborn() async throws {
        try await up(spec())
        world.sharedEdge.refuse(Failure(.failed, "nginx does not take its configuration", because: "", next: ""))
        let refusal = try await failure { try await down(spec()) }
        #expect(refusal.what == "nginx does not take its configuration")
        #expect(world.machine.ids.isEmpty)
        world.sharedEdge.refuse(nil)
        try await down(spec())
        #expect(world.sharedEdge.files.isEmpty)
    }

    @Test("a fleet that never came up leaves nothing in that nginx")
    func leavesNothing() async throws {
        // Whatever fails after the file is in place.
        world.machine.refuse("gate", Failure(.failed, "cannot start gate", because: "no memory", next: ""))
        _ = try await failure { try await up(spec()) }
        #expect(world.sharedEdge.files.isEmpty)
    }

    @Test("a killed supervisor's heir adopts the fleet and leaves that nginx alone")
    func heir() async throws {
        try await up(spec())
        let reloads = world.sharedEdge.reloads
        world.killSupervisor()
        world.startSupervisor()
        try await world.until("converged") { $0.status.converged }
        #expect(world.sharedEdge.reloads == reloads && !world.machine.starts.contains("edge"))
    }

    @Test("status tells that the nginx does not run, and nobody starts it")
    func away() async throws {
        try await up(spec())
        world.sharedEdge.stop()
        let status = try await world.until("edge down") { $0.status.edge.state == .down }.status
        #expect(status.edge.reason == "the nginx that includes \(file) does not run" && !status.converged)
        await world.pass(30)
        #expect(!world.machine.starts.contains("edge"))
        world.sharedEdge.start()
        try await world.until("converged") { $0.status.converged }
    }

    @Test("a serving fleet can't move to another nginx: that takes a down")
    func moves() async throws {
        try await up(Samples.spec())
        let refusal = try await failure { try await up(spec()) }
        #expect("\(refusal)".contains("serves by an nginx of its own, this one by the nginx that includes \(file)"))
        #expect("\(refusal)".contains("convoy down"))
        #expect(world.sharedEdge.files.isEmpty)
        try await down(Samples.spec())
        try await up(spec())
        #expect(world.sharedEdge.files[file] != nil)
    }
}
