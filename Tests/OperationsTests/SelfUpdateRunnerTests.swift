import Fleet
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// Some hosts that serve, and one who brings them another Convoy.
private struct UpdateLab {
    static let straight = ["send", "keep", "arm", "install", "confirm"]

    let wish: UpdateWish
    let specs: [HostSpec]
    let hosts: [String: SimulatedUpdateHost]
    let visits: Visits

    init(
        count: Int = 1, visits: Visits = Visits(),
        _ change: (String, inout SimulatedUpdateHost.State) -> Void = { _, _ in }
    ) throws {
        let wish = UpdateWish(
            package: BootstrapWish.Package(
                version: "0.2.0", architecture: "amd64", digest: try #require(Digest.of("package"))))
        self.wish = wish
        self.visits = visits
        specs = (1...count).map { HostSpec(name: "web-\($0)", address: "10.0.0.\($0)") }
        var facts = UpdateFacts()
        (facts.architecture, facts.package) = ("amd64", "0.1.0")
        facts.supervisor = UpdateFacts.Unit(isActive: true, pid: 60, isCurrent: true)
        facts.lasting = UpdateFacts.Lasting(instances: ["convoy-instance-a-1-g1.service": 7], edge: 8, answer: 401)
        facts.fleet = UpdateFacts.Fleet(name: "shop", generation: 1, converged: true)
        hosts = Dictionary(
            uniqueKeysWithValues: specs.map { spec in
                (spec.name, SimulatedUpdateHost(wish, facts) { change(spec.name, &$0) })
            })
    }

    func run(isDry: Bool = false) async throws -> SelfUpdateReport {
        let ports = BootstrapPorts(
            dialer: SimulatedUpdateDialer(hosts: hosts), visitor: visits, time: LeapingTime(wall: 0),
            progress: HeardProgress(), isInterrupted: { false })
        let parcel = BootstrapCargo.Parcel(path: "/tmp/convoy_0.2.0_amd64.deb", digest: wish.package.digest)
        let spec = Samples.spec { $0.edge.listen = EdgeSpec.Listen(address: "0.0.0.0", port: 443) }
        return try await SelfUpdateRunner(wish: wish, parcel: parcel, ports: ports, spec: spec).run(specs, isDry: isDry)
    }

    func did(_ name: String = "web-1") throws -> [String] { try #require(hosts[name]).did }
}

@Suite("Update of hosts")
struct SelfUpdateRunnerTests {
    @Test("each host in its turn, looked at from outside before it is confirmed; once more changes nothing")
    func straight() async throws {
        let lab = try UpdateLab(count: 3)
        let report = try await lab.run()
        #expect(report.hosts.map(\.state) == [.updated, .updated, .updated] && !report.hasFault)
        for name in ["web-1", "web-2", "web-3"] { #expect(try lab.did(name) == UpdateLab.straight) }
        #expect(lab.visits.addresses.withLock { $0 } == ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
        #expect(try await lab.run().hosts.map(\.state) == [.unchanged, .unchanged, .unchanged])
        #expect(try lab.did() == UpdateLab.straight)
    }

    @Test("a dry run tells and changes nothing")
    func dry() async throws {
        let lab = try UpdateLab(count: 2)
        let report = try await lab.run(isDry: true)
        #expect(report.hosts.map(\.state) == [.ready, .ready] && report.isNeeded)
        #expect(try lab.did().isEmpty)
    }

    @Test("one host that may not be updated keeps all from being changed")
    func barrier() async throws {
        let lab = try UpdateLab(count: 3) { name, state in if name == "web-2" { state.facts.fleet = nil } }
        let report = try await lab.run()
        #expect(report.hosts.map(\.state) == [.ready, .refused, .ready] && report.exitCode == 1)
        #expect(lab.hosts.values.allSatisfy { $0.did.isEmpty })
    }

    @Test("the first host that goes back is the last that is touched")
    func stops() async throws {
        let lab = try UpdateLab(count: 3) { name, state in if name == "web-2" { state.isBad = true } }
        let report = try await lab.run()
        #expect(report.hosts.map(\.state) == [.updated, .reverted, .ready] && report.exitCode == 1)
        #expect(try lab.did("web-2") == ["send", "keep", "arm", "install", "undo"])
        #expect(try lab.did("web-3").isEmpty)
    }

    @Test("an edge that is not seen from outside goes back")
    func unseen() async throws {
        let fault = Failure(.failed, "the edge does not serve", because: "nobody answers", next: "look")
        let lab = try UpdateLab(visits: Visits(failure: fault))
        let report = try await lab.run()
        #expect(report.hosts.map(\.state) == [.reverted] && report.hosts[0].faults[0].why == "nobody answers")
        #expect(try lab.did() == ["send", "keep", "arm", "install", "undo"])
    }

    @Test("wherever the wire is cut, before or after the work, it ends updated", arguments: 3...10)
    func cut(at command: Int) async throws {
        for isAfter in [false, true] {
            let lab = try UpdateLab { _, state in (state.cutAt, state.cutsAfter) = (command, isAfter) }
            let report = try await lab.run()
            #expect(report.hosts.map(\.state) == [.updated], "\(report.hosts[0].faults)")
            let did = try lab.did()
            for step in ["arm", "confirm"] { #expect(did.count { $0 == step } == 1, "\(did)") }
        }
    }
}
