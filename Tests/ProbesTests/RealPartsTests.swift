import Fleet
import Foundation
import Planning
import Ports
import Testing

@testable import Probes

@Suite(
    "MCPProber (real parts)", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct RealPartsTests {
    @Test("grafana: equal digests for one version, others for others, and 50 probes leave nothing")
    func grafana() async throws {
        try await withRealServers { servers, prober in
            let oldest = try servers.install("mcp-grafana", "1.6.3")
            let newest = try servers.install("mcp-grafana", "2.1.1")
            let plans = try [oldest, oldest, newest].map {
                ProbePlan(port: try servers.grafana($0), liveness: "/healthz")
            }
            var found: [Readiness] = []
            for plan in plans { found.append(try await ready(plan, prober)) }
            #expect(found[0] == found[1])
            #expect(found[0].toolsDigest != found[2].toolsDigest)
            #expect(found.map(\.announcedVersion) == ["v1.6.3", "v1.6.3", "v2.1.1"])
            #expect(found.allSatisfy { $0.eras == [.modern, .legacy] })
            #expect(await prober.liveness(plans[0]) == nil)
            for era in Era.allCases {
                let single = try await prober.readiness(plans[0], knownEra: era)
                #expect(single.toolsDigest == found[0].toolsDigest)
            }
            for _ in 0..<50 { _ = try await prober.readiness(plans[0]) }
            #expect(await noneLeft(plans[0]))
        }
    }

    @Test("documentdb: two instances of 0.6.2 are alike, 1.0.1 differs and fails its canary")
    func documentdb() async throws {
        try await withRealServers { servers, prober in
            let database = try servers.database()
            let good = try servers.install("documentdb-mcp", "0.6.2")
            let bad = try servers.install("documentdb-mcp", "1.0.1")
            let canary = CanarySpec(
                tool: "find",
                arguments: .object([
                    "database_name": .string("shop"), "collection_name": .string("orders"), "filter": .object([:]),
                ]), contains: ["lantern"])
            let plans = try [good, good, bad].map {
                let port = try servers.documentdb($0, database: database)
                return ProbePlan(port: port, liveness: "/health", canary: canary)
            }
            var found: [Readiness] = []
            for plan in plans { found.append(try await ready(plan, prober)) }
            #expect(found[0] == found[1])
            #expect(found[0].eras == [.modern, .legacy] && found[0].tools.contains("find"))
            #expect(found[0].toolsDigest != found[2].toolsDigest)
            for era in found[0].eras {
                let answer = try await patiently { try await prober.canary(plans[0], era: era) }
                #expect(CanaryJudge(canary).fault(in: answer) == nil)
                let wrong = try await patiently { try await prober.canary(plans[2], era: era) }
                #expect(CanaryJudge(canary).fault(in: wrong) != nil)
                let single = try await patiently { try await prober.readiness(plans[0], knownEra: era) }
                #expect(single.toolsDigest == found[0].toolsDigest)
            }
            #expect(await prober.liveness(plans[2]) == nil)
            for count in 0..<50 {
                _ = try await patiently {
                    count < 10
                        ? try await prober.readiness(plans[0])
                        : try await prober.readiness(plans[0], knownEra: .modern)
                }
            }
            #expect(await noneLeft(plans[0]))
        }
    }

    private func withRealServers(_ body: (RealServers, MCPProber) async throws -> Void) async throws {
        let servers = try RealServers()
        let prober = MCPProber()
        do { try await body(servers, prober) } catch {
            await prober.shutdown()
            servers.stop()
            throw error
        }
        await prober.shutdown()
        servers.stop()
    }

    /// Asks until the server is ready; gives up after a minute with the last reason.
    private func ready(_ plan: ProbePlan, _ prober: MCPProber) async throws -> Readiness {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do { return try await prober.readiness(plan) } catch {
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// documentdb-mcp lets 10 requests a second through, in bursts of 20; that is no fault.
    private func patiently<Value>(_ probe: () async throws -> Value) async throws -> Value {
        while true {
            do { return try await probe() } catch let fault as ProbeFault where fault.busy {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// The kernel takes a moment to see a connection off.
    private func noneLeft(_ plan: ProbePlan) async -> Bool {
        let port = URL(string: plan.endpoint)?.port ?? 0
        let deadline = ContinuousClock.now + .seconds(5)
        while RealServers.connections(to: port) > 0 {
            guard ContinuousClock.now < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(1))
        }
        return true
    }
}
