import Fleet
import Foundation
import Planning
import Ports
import Testing

@testable import Console

@Suite("RolloutText")
struct RolloutTextTests {
    private let plan: GenerationPlan

    init() throws { plan = try Self.generation() }

    private static func generation() throws -> GenerationPlan {
        let digest = try #require(Digest(hex: String(repeating: "a", count: 64)))
        let profile = Profile(
            name: "tiny", releases: [.pypi], needsDatabase: false, start: Profile.Start(command: "tiny"),
            http: Profile.HTTP(), version: Profile.Version(), canary: nil, stop: Profile.Stop(), settings: [:],
            memoryDenyWriteExecute: true)
        let spec = FleetSpec(
            name: "shop",
            server: ServerSpec(
                profile: "tiny", release: ReleaseReference(kind: .pypi, name: "tiny", version: "2.0.0")),
            database: nil, pools: [PoolSpec(name: "analytics", replicas: 2, databases: [], scope: "mcp:analytics")],
            edge: EdgeSpec(
                url: "http://127.0.0.1:8443", listen: EdgeSpec.Listen(address: "127.0.0.1", port: 8443),
                authorization: .development),
            ports: PortsSpec(first: 42000, last: 42255))
        return try GenerationPlanner(
            spec: spec, profile: profile,
            release: InstalledRelease(reference: spec.server.release, digest: digest, tree: "/x"),
            command: ReleaseCommand(executable: "/bin/tiny", arguments: [], environment: [:]),
            layout: FleetLayout(root: "/fleet")
        ).plan(number: 2, current: nil)
    }

    private func status(serving: Int) -> FleetStatus {
        let instances = plan.instances.map { instance in
            let isFirst = instance.slot == 1
            return InstanceStatus(
                name: instance.name, pool: "analytics", host: "local", slot: instance.slot, generation: 2,
                version: "2.0.0", digest: plan.release.digest, state: isFirst ? .serving : .starting, ready: isFirst,
                reason: isFirst ? "" : "it does not answer", port: instance.port, pid: 7, uptimeSeconds: 65,
                databaseUser: nil, proof: nil, eras: [], toolsDigest: nil, restarts: 0)
        }
        return FleetStatus(
            fleet: "shop", generation: serving, release: nil, converged: false, instances: instances,
            edge: EdgeStatus(url: "", state: .up), gate: GateStatus(state: .up),
            supervisor: SupervisorStatus(state: .up, pid: 1, version: "x"))
    }

    private func text(
        _ entry: JournalEntry?, serving: Int = 1, width: Int = 80, _ change: (inout RolloutRecord) -> Void = { _ in }
    ) -> [String] {
        var rollout = RolloutRecord(number: 2, verb: "rollout", strategy: "flip", from: 1, startedAt: 1000)
        change(&rollout)
        return RolloutText(
            plan: plan, rollout: rollout, journal: [entry].compactMap(\.self), status: status(serving: serving),
            now: 1090
        ).lines(width: width)
    }

    @Test("the road so far, and each instance on its line")
    func verifying() {
        let entry = JournalEntry(rollout: 2, index: 7, at: 1080, step: "verify", mark: .intent)
        #expect(
            text(entry) == [
                "shop: generation 2, tiny 2.0.0, 1m30s",
                "[###........]  waiting until each instance is ready and proved  10s",
                "analytics-1-g2  [####.]  serving  1m5s",
                "analytics-2-g2  [###..]  starting  1m5s  it does not answer",
            ])
    }

    @Test("on its way back it says why, and what serves is full")
    func back() {
        let entry = JournalEntry(rollout: 2, index: 15, at: 1080, step: "flipBack", mark: .done)
        let lines = text(entry, serving: 2) {
            $0.undoing = true
            $0.reason = "5 of 100 calls fail"
        }
        #expect(lines[0] == "shop: generation 2, tiny 2.0.0, 1m30s, going back: 5 of 100 calls fail")
        #expect(lines[1] == "[#..]  moving traffic back  10s")
        #expect(lines[2] == "analytics-1-g2  [#####]  serving  1m5s")
    }

    @Test("of a rolling update it says the part, and the bar is of all parts")
    func rolling() throws {
        var (before, next) = (plan, plan)
        before.number = 1
        next.rollout.strategy = .rolling
        let entry = JournalEntry(rollout: 2, index: 17, at: 1080, step: "verify.2", mark: .intent)
        let line = RolloutText(
            plan: next, before: before,
            rollout: RolloutRecord(number: 2, verb: "rollout", strategy: "rolling", from: 1, startedAt: 1000),
            journal: [entry], status: nil, now: 1090
        ).lines(width: 80)[1]
        #expect(line == "[#########............]  part 2: waiting until they are ready and proved  10s")
        #expect(
            RolloutEntryText(entry, startedAt: 1000).text
                == "1m20s  ...  part 2: waiting until they are ready and proved\n")
    }

    @Test("no line is wider than the terminal, and nothing known is no trap")
    func narrow() {
        #expect(text(nil, width: 20).allSatisfy { $0.count <= 20 })
        let blind = RolloutText(
            plan: plan, rollout: RolloutRecord(number: 2, verb: "up", strategy: "flip", from: nil, startedAt: 1000),
            journal: [], status: nil, now: 990
        ).lines(width: 80)
        #expect(blind[2] == "analytics-1-g2  [.....]  unknown")
    }

    @Test("an event is one line of JSON with every key; for people it is a sentence")
    func event() throws {
        let entry = JournalEntry(
            rollout: 2, index: 8, at: 1080.5, step: "verify", mark: .failed, detail: "analytics-2-g2: \"a\"\nb")
        let line = RolloutEvent(entry).line
        #expect(
            line == #"{"detail":"analytics-2-g2: \"a\"\nb","index":8,"mark":"failed","rollout":2,"step":"verify","#
                + #""time":1080.5}"# + "\n")
        #expect(try JSONDecoder().decode(RolloutEvent.self, from: Data(line.utf8)) == RolloutEvent(entry))
        #expect(
            RolloutEntryText(entry, startedAt: 1000).text
                == "1m20s  !!   waiting until each instance is ready and proved: analytics-2-g2: \"a\"\nb\n")
    }
}
