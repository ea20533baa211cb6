import Fleet
import HostContract
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// A fleet of some hosts, all bare, and one who bootstraps them.
private struct BootstrapLab {
    static let wall = 1_800_000_000.0
    static let secret = "mongodb://admin:hunter2@db/"

    let wish: BootstrapWish
    let cargo: BootstrapCargo
    let specs: [HostSpec]
    let hosts: [String: SimulatedHost]
    let visits: Visits
    let heard = HeardProgress()
    let time = LeapingTime(wall: wall)

    init(
        count: Int = 1, visits: Visits = Visits(), _ change: (String, inout SimulatedHost.State) -> Void = { _, _ in }
    ) throws {
        func digest(_ text: String) throws -> Digest { try #require(Digest.of(text)) }
        let spec = Samples.spec {
            $0.database = nil
            $0.edge.listen = EdgeSpec.Listen(address: "0.0.0.0", port: 443)
        }
        let letter = BootstrapCargo.Letter(
            path: BootstrapPlace.folder + "/secrets/admin-uri", mode: 0o600, bytes: Array(Self.secret.utf8),
            digest: try digest(Self.secret))
        let package = try digest("package")
        let wish = BootstrapWish(
            spec: spec, version: "0.1.0",
            package: BootstrapWish.Package(version: "0.1.0", architecture: "amd64", digest: package),
            release: LockedRelease(
                reference: spec.server.release, constraints: [], platform: "", packages: [],
                digest: try digest("release")),
            files: [letter.path: letter.digest])
        self.wish = wish
        cargo = BootstrapCargo(
            package: .init(path: "/tmp/convoy_0.1.0_amd64.deb", digest: package), bundle: [],
            release: .init(path: "/tmp/r.tar.gz", digest: try digest("packed")), files: [letter])
        specs = (1...count).map { HostSpec(name: "web-\($0)", address: "10.0.0.\($0)") }
        var facts = HostFacts()
        (facts.system, facts.systemVersion, facts.architecture, facts.systemd) = ("debian", "12", "amd64", 252)
        facts.programs = ["apt-get", "dpkg", "systemd-creds", "sha256sum"]
        facts.clock = Self.wall
        hosts = Dictionary(
            uniqueKeysWithValues: specs.map { spec in
                (spec.name, SimulatedHost(wish, facts) { change(spec.name, &$0) })
            })
        self.visits = visits
    }

    func run(isDry: Bool = false) async throws -> BootstrapReport {
        let ports = BootstrapPorts(
            dialer: SimulatedDialer(hosts: hosts), visitor: visits, time: time, progress: heard,
            isInterrupted: { false })
        return try await BootstrapRunner(wish: wish, cargo: cargo, ports: ports).run(specs, isDry: isDry)
    }

    func host(_ name: String = "web-1") throws -> SimulatedHost { try #require(hosts[name]) }
}

@Suite("Bootstrap of hosts")
struct BootstrapRunnerTests {
    private static let whole = [
        "systemctl mask nginx.service", "upload convoy_0.1.0_amd64.deb", "install", "credential key",
        "upload r.tar.gz", "receive", "upload admin-uri", "up", "try rules", "keep rules",
    ]

    @Test("the simulated host keeps what every link keeps")
    func contract() async throws {
        try await HostLinkContract(try BootstrapLab().host()).holds()
        try await HostLinkContract.tellsLoss(try BootstrapLab { _, state in state.cutAt = 1 }.host())
    }

    @Test("a bare host is brought to serving, and looked at from outside")
    func bare() async throws {
        let lab = try BootstrapLab()
        let report = try await lab.run()
        #expect(report.hosts.map(\.state) == [.changed] && !report.hasFault)
        #expect(try lab.host().did == Self.whole)
        #expect(lab.visits.addresses.withLock { $0 } == ["10.0.0.1"])
        #expect(lab.heard.lines.withLock { $0 }.contains("web-1: at up"))
    }

    @Test("once more changes nothing, and looks all the same")
    func again() async throws {
        let lab = try BootstrapLab()
        _ = try await lab.run()
        let report = try await lab.run()
        #expect(report.hosts.map(\.state) == [.unchanged] && !report.hasChange)
        #expect(try lab.host().did == Self.whole)
        #expect(lab.visits.addresses.withLock { $0.count } == 2)
    }

    @Test("a dry run tells every change and makes none")
    func dry() async throws {
        let lab = try BootstrapLab(count: 2)
        let report = try await lab.run(isDry: true)
        #expect(report.hosts.map(\.state) == [.ready, .ready])
        #expect(report.hosts[0].changes.map(\.kind) == BootstrapChange.allCases.map(\.name))
        #expect(lab.hosts.values.allSatisfy { $0.did.isEmpty })
    }

    @Test("one host that can't be bootstrapped keeps all from being changed, and each is told apart")
    func barrier() async throws {
        let lab = try BootstrapLab(count: 4) { name, state in
            if name == "web-2" { state.facts.systemd = nil }
            if name == "web-3" {
                state.fault = LinkFault(
                    .changedHostKey, Failure(.unavailable, "cannot reach web-3", because: "its key", next: "look"))
            }
        }
        let report = try await lab.run()
        #expect(report.hosts.map(\.state) == [.ready, .refused, .failed, .ready])
        #expect(report.hosts.map(\.faults.count) == [0, 1, 1, 0])
        #expect(lab.hosts.values.allSatisfy { $0.did.isEmpty })
    }

    @Test("secrets are in no word of a command, no progress and no report")
    func secrets() async throws {
        let lab = try BootstrapLab()
        let report = try await lab.run()
        var shown = try lab.host().state.withLock(\.words) + ["\(report)", "\(lab.cargo)"]
        shown += lab.heard.lines.withLock { $0 }
        #expect(!shown.contains { $0.contains("hunter2") })
        let arrived = try lab.host().state.withLock(\.arrived)[BootstrapPlace.folder + "/secrets/admin-uri"]
        #expect(arrived == Array(BootstrapLab.secret.utf8))
    }

    @Test("wherever the wire is cut, before or after the work, it goes on and repeats nothing", arguments: 2...16)
    func cut(at command: Int) async throws {
        for isAfter in [false, true] {
            let lab = try BootstrapLab { _, state in (state.cutAt, state.cutsAfter) = (command, isAfter) }
            let report = try await lab.run()
            #expect(report.hosts.map(\.state) == [.changed], "\(report.hosts[0].faults)")
            let did = try lab.host().did
            for step in ["install", "receive", "credential key"] { #expect(did.count { $0 == step } == 1, "\(did)") }
            #expect(try lab.host().state.withLock { $0.serves && $0.hasRules })
        }
    }

    @Test("rules that shut out a new login are a failure that says so, and are not kept")
    func lockedOut() async throws {
        let lab = try BootstrapLab { _, state in state.locksOut = true }
        let report = try await lab.run()
        let fault = try #require(report.hosts[0].faults.first)
        #expect(fault.what.contains("keep ssh out") && fault.next.contains("taken back"))
        #expect(try !lab.host().did.contains("keep rules"))
    }

    @Test("work that is under way on the host is waited for")
    func lease() async throws {
        let lab = try BootstrapLab { _, state in state.leaseHeld = 3 }
        #expect(try await lab.run().hosts.map(\.state) == [.changed])
        let stuck = try BootstrapLab { _, state in state.leaseHeld = .max }
        let report = try await stuck.run()
        #expect(report.exitCode == Failure.Code.leaseHeld.rawValue)
        #expect(report.hosts[0].changes.map(\.kind).last == "files")
    }

    @Test("a convoy of another version is told, with what brings this one")
    func skew() async throws {
        let lab = try BootstrapLab { _, state in state.convoy = "0.0.9" }
        let report = try await lab.run()
        #expect(report.hosts[0].faults.first?.next.contains("--package") == true)
    }

    @Test("an edge that does not serve from outside is a failure")
    func visit() async throws {
        let lab = try BootstrapLab(visits: Visits(failure: Failure(.failed, "no edge", because: "shut", next: "open")))
        let report = try await lab.run()
        #expect(report.hosts.map(\.state) == [.failed] && report.hosts[0].faults.first?.what == "no edge")
    }

    @Test("many hosts go at a time, and each is told in the order of the file")
    func many() async throws {
        let lab = try BootstrapLab(count: 30)
        let report = try await lab.run()
        #expect(report.hosts.map(\.host) == lab.specs.map(\.name))
        #expect(report.hosts.allSatisfy { $0.state == .changed })
    }
}
