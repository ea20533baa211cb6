import Fleet
import Foundation
import Testing

@testable import Operations

@Suite("A fleet whose processes are units", .timeLimit(.minutes(10)))
struct UnitHostTests {
    private let world = FakeWorld(root: "/")

    init() { world.units.need() }

    private func up(_ spec: FleetSpec = Samples.spec()) async throws {
        let fleet = world.newOperator(spec)
        _ = try await world.run { try await fleet.up() }
    }

    @Test("each instance starts by its own unit, and no listener is ours: gate and refresher have theirs from sockets")
    func units() async throws {
        try await up()
        for slot in 1...3 {
            let plan = try #require(world.machine.running("analytics-\(slot)-g1")?.plan)
            let unit = try #require(plan.unit)
            #expect(unit.path == "convoy-instance-analytics-\(slot)-g1.service")
            #expect(unit.content.contains("CONVOY_INSTANCE=analytics-\(slot)-g1"))
        }
        #expect(world.machine.running("gate")?.plan.listeners == [])
        #expect(world.machine.running("gate")?.plan.unit == nil)
        #expect(world.sockets.listens == 0)
    }

    @Test("secrets are credentials: sealed ones are loaded as such, and no plain environment lies beside them")
    func sealed() async throws {
        try await up()
        let layout = world.layout
        #expect(world.disk[layout.credential("analytics-1-g1")] == "sealed environment")
        let unit = try #require(world.machine.running("analytics-1-g1")?.plan.unit)
        #expect(unit.content.contains("LoadCredentialEncrypted=environment:"))
        let instance = try #require(try await world.ledger().current?.instances.first)
        #expect(world.disk[try #require(instance.launch.secretsFile)] == nil)
    }

    @Test("another nginx's workers get to the gate only once that nginx has its file; whoever boots opens nothing")
    func sharedGate() async throws {
        let socket = world.layout.gateSocket
        try await up(Samples.spec { $0.edge.mode = .include })
        #expect(world.units.owners == [socket: FakeSharedEdge.workers])
        world.killSupervisor()
        world.units.forgetOwners()
        world.sharedEdge.refuse(Failure(.failed, "nginx does not take its configuration", because: "", next: ""))
        world.startSupervisor()
        try await world.until("refused") { $0.status.edge.reason.contains("does not take") }
        #expect(world.units.owners.isEmpty)
        world.sharedEdge.refuse(nil)
        try await world.until("taken") { $0.status.edge.reason.isEmpty }
        #expect(world.units.owners == [socket: FakeSharedEdge.workers])
        // Who listens anew for the edge's own user is told again whose it is.
        world.units.forgetOwners()
        await world.pass(10)
        #expect(world.units.owners == [socket: FakeSharedEdge.workers])
    }

    @Test("the fleet's own nginx has its listener from systemd")
    func ownGate() async throws {
        try await up()
        #expect(world.units.owners.isEmpty)
    }

    @Test("where the host can't encrypt, the credential is a plain file, NUL behind each name and value")
    func plain() async throws {
        world.units.need(encrypting: false)
        try await up()
        let text = try #require(world.disk[world.layout.credential("analytics-1-g1")])
        let parts = text.split(separator: "\0").map { $0.prefix { $0 != "=" } }
        #expect(parts == ["TINY_HEADERS", "TINY_URI"] && text.hasSuffix("\0"))
        let unit = try #require(world.machine.running("analytics-1-g1")?.plan.unit)
        #expect(unit.content.contains("LoadCredential=environment:"))
        #expect(!unit.content.contains("hush"))
    }

    @Test("the slice lets the instances reach the database and the name servers, and is there before them")
    func slice() async throws {
        world.units.name("db1", ["10.0.0.11", "fd00::11"])
        world.disk["/etc/resolv.conf"] = "# made by hand\nnameserver 10.0.0.53\nnameserver 127.0.0.53\nsearch x\n"
        try await up(Samples.spec { $0.database?.uri = "mongodb://db1:27018,127.0.0.1/" })
        let slice = try #require(world.units.files["convoy.slice"])
        for address in ["10.0.0.11", "fd00::11", "10.0.0.53"] { #expect(slice.contains("=\(address)"), "\(address)") }
        #expect(!slice.contains("127.0.0.53"))
    }

    @Test("a database whose name nobody knows, or that may be anybody, stops the generation before anything starts")
    func unknownHost() async throws {
        for uri in ["mongodb://nowhere/", "mongodb+srv://cluster.example.com/"] {
            let fleet = world.newOperator(Samples.spec { $0.database?.uri = uri })
            await #expect(throws: Failure.self) { _ = try await world.run { try await fleet.up() } }
            #expect(world.machine.starts.filter { $0.hasPrefix("analytics") }.isEmpty)
        }
    }

    @Test("a supervisor that takes over has units swept that nobody knows")
    func sweep() async throws {
        try await up()
        world.killSupervisor()
        world.startSupervisor()
        _ = try await world.until("whole again") { $0.status.converged }
        #expect(world.units.kept == ["analytics-1-g1", "analytics-2-g1", "analytics-3-g1"])
    }

    @Test("the status names what an admin changed of a unit")
    func dropIns() async throws {
        world.units.change("analytics-2-g1", by: "/etc/systemd/system/convoy-instance-.service.d/10.conf")
        try await up()
        let status = try await world.until("named") { !$0.status.instances.flatMap(\.dropIns).isEmpty }.status
        let changed = status.instances.filter { !$0.dropIns.isEmpty }.map(\.name)
        #expect(changed == ["analytics-2-g1"])
    }

    @Test("with a generation its directories go, also where systemd really has them")
    func removal() async throws {
        try await up()
        world.disk[world.layout.privateInstance("analytics-1-g1") + "/state/x"] = "x"
        let fleet = world.newOperator()
        try await world.run { try await fleet.down() }
        #expect(world.disk.below(world.layout.privateInstance("analytics-1-g1")).isEmpty)
        #expect(world.disk.below(world.layout.instance("analytics-1-g1")).isEmpty)
    }
}
