import Fleet
import Planning
import Ports
import Testing

@testable import Operations

/// Each host looked at by itself, over a way that can be cut.
private struct FakeLooks: HostLooks {
    let lab: HostsLab

    func surveys() async -> [HostAnswered<DriftSurvey>] {
        await each(Set(lab.names)) { world in
            guard let supervisor = world.supervisor, let ports = world.drift.withLock({ $0 }) else {
                throw Failure(.unavailable, "no supervisor", because: "it is away", next: "")
            }
            return try await supervisor.survey().completed(by: ports.surveyor)
        }
    }

    func mend(_ hosts: Set<String>) async -> [HostAnswered<[String]>] {
        await each(hosts) { try await $0.supervisor?.heal() ?? [] }
    }

    private func each<Value: Sendable>(
        _ hosts: Set<String>, _ body: @Sendable (FakeWorld) async throws -> Value
    ) async -> [HostAnswered<Value>] {
        var all: [HostAnswered<Value>] = []
        for (index, name) in lab.names.enumerated() where hosts.contains(name) {
            do {
                let value = try await lab.pass(index) { try await body(lab.worlds[index]) }
                all.append(HostAnswered(host: name, answer: .success(value)))
            } catch {
                all.append(HostAnswered(host: name, answer: .failure(Failure(told: error))))
            }
        }
        return all
    }
}

@Suite("Verbs that look, over several hosts", .serialized, .timeLimit(.minutes(5)))
struct HostsLooksTests {
    private let lab = HostsLab()
    private let surveyors: [FakeSurveyor]

    init() {
        surveyors = lab.worlds.map { world in
            let surveyor = FakeSurveyor(world.disk)
            world.drift.withLock { $0 = DriftPorts(surveyor: surveyor, releases: surveyor, mender: surveyor) }
            return surveyor
        }
    }

    private func up() async throws -> FleetOperator {
        let fleet = lab.newOperator("1.0.0")
        _ = try await lab.run { try await fleet.up() }
        return fleet
    }

    private func cut(_ host: Int) { lab.cutNext(HostsLab.Cut(host: host, at: 1, arrives: false)) }

    private func drift(_ fleet: FleetOperator) async throws -> DriftReport {
        let looks = FakeLooks(lab: lab)
        return try await lab.run { try await fleet.drift(on: looks, version: "0.1.0") }
    }

    /// What differs from a fleet that was just brought up: the fakes' own.
    private func news(_ fleet: FleetOperator, since known: DriftReport) async throws -> [DriftFinding] {
        let before = Set(known.findings.map(\.identity))
        return try await drift(fleet).findings.filter { !before.contains($0.identity) }
    }

    @Test("a difference is told with its host, those of the database once for all")
    func drift() async throws {
        let fleet = try await up()
        let sound = try await drift(fleet)
        #expect(sound.unseen.isEmpty && !sound.findings.contains { $0.kind == .user || $0.kind == .role }, "\(sound)")
        let password = lab.worlds[1].layout.instance("analytics-web-2-1-g1") + "/password"
        surveyors[1].setMode(password, 0o644)
        lab.worlds[0].database["convoy-shop.stranger"] = .init(password: "x", grants: [])
        let found = try await news(fleet, since: sound)
        #expect(found.map(\.host) == ["web-2", nil], "\(found)")
        #expect(found.map(\.kind) == [.mode, .user] && found[1].subject == "convoy-shop.stranger")
    }

    @Test("heal mends each host and the database, and takes no user of a host that is away for nobody's")
    func heal() async throws {
        let fleet = try await up()
        let sound = try await drift(fleet)
        let users = lab.worlds[0].database.users
        let password = lab.worlds[1].layout.instance("analytics-web-2-1-g1") + "/password"
        surveyors[1].setMode(password, 0o644)
        lab.worlds[0].database["convoy-shop.stranger"] = .init(password: "x", grants: [])
        let write = DatabaseGrant(database: "shop", role: "readWrite")
        lab.worlds[0].database["convoy-shop.analytics-web-1-1-g1"]?.grants.insert(write)
        cut(2)
        let looks = FakeLooks(lab: lab)
        let report = try await lab.run { try await fleet.heal(on: looks, version: "0.1.0") }
        #expect(lab.worlds[0].database.users == users)
        #expect(lab.worlds[0].database["convoy-shop.analytics-web-1-1-g1"]?.grants == [Samples.shop])
        #expect(surveyors[1].mended.contains(password))
        #expect(report.healed.contains { $0.hasPrefix("web-2: ") })
        #expect(report.healed.contains { $0.contains("stranger") })
        #expect(report.unseen.contains { $0.hasPrefix("web-3: has not answered since ") }, "\(report.unseen)")
        lab.heal()
        #expect(try await news(fleet, since: sound) == [])
    }

    @Test("users verify: all hosts' users are proved; of one that is away they are unseen, and nobody's are named")
    func users() async throws {
        let fleet = try await up()
        let sound = try await lab.run { try await fleet.users() }
        #expect(sound.count == 6 && sound.allSatisfy { $0.fault.isEmpty && $0.host != nil }, "\(sound)")
        lab.worlds[0].database["convoy-shop.stranger"] = .init(password: "x", grants: [])
        cut(2)
        // Another operator, who has never heard of that host.
        let other = lab.newOperator("1.0.0")
        let accounts = try await lab.run { try await other.users() }
        #expect(accounts.count == 7)
        #expect(accounts.filter { $0.instance == nil }.map(\.name) == ["convoy-shop.stranger"])
        let unseen = accounts.filter(\.isUnseen)
        #expect(unseen.count == 2 && unseen.allSatisfy { $0.fault == "not proved: web-3 does not answer" })
        #expect(accounts.count { $0.fault.isEmpty } == 4)
    }

    @Test("users rotate gives every instance of every host a new user")
    func rotate() async throws {
        let fleet = try await up()
        let before = Set(lab.worlds[0].database.users)
        let result = try await lab.run { try await fleet.rotateUsers() }
        guard case .converged(2, _, _, _) = result else { return #expect(Bool(false), "\(result)") }
        let after = Set(lab.worlds[0].database.users)
        #expect(after.count == 6 && after.isDisjoint(with: before))
        #expect(try await lab.serving() == [2, 2, 2])
    }
}
