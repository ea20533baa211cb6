import Fleet
import Foundation
import Gate
import Glibc
import Testing

@testable import Edge

@Suite(
    "A share of the traffic through a real nginx and a real gate (real parts)", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct TrafficShareTests {
    @Test("three in ten fresh sessions land on the other colour, stay there, and none once it is taken back")
    func share() async throws {
        let lab = try EdgeLab(slots: ["a1", "a2", "b1", "b2"])
        defer { lab.stop() }
        let issuer = try DevelopmentIssuer.load(directory: lab.root + "/issuer", fleet: "shop")
        let server = try await gate(of: lab, issuer)
        do { try await shares(lab, issuer, server) } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private func shares(_ lab: EdgeLab, _ issuer: DevelopmentIssuer, _ server: GateServer) async throws {
        try await lab.start(gate: false)
        let opening = try calls(300, lab, issuer)
        #expect(colours(try lab.calls(opening)) == ["a": 300])

        try write(policy(lab, issuer, revision: 2, also: .init(colour: .b, part: 0.3, seed: 2)), lab)
        await server.reload()
        let opened = try lab.calls(opening)
        let shared = colours(opened)["b"] ?? 0
        #expect((60...120).contains(shared), "\(shared) of 300")
        let again = try lab.calls(opening)
        #expect(again.map { $0.instance?.first } == opened.map { $0.instance?.first }, "each caller stays where it is")

        try write(policy(lab, issuer, revision: 3, also: nil), lab)
        await server.reload()
        #expect(colours(try lab.calls(opening)) == ["a": 300])
        let held = zip(opening, opened).map { call, answer in
            call.with("Mcp-Session-Id", answer.values("Mcp-Session-Id").first ?? "")
        }
        let answers = try lab.calls(held)
        #expect(answers.allSatisfy { $0.status == 200 })
        #expect(answers.map(\.instance) == opened.map(\.instance), "sessions stay with who opened them")

        let tally = try await GateTally.of(lab.root + "/gate.sock")
        #expect(tally["b1", default: 0] + tally["b2", default: 0] == 2 * shared)
    }

    private func calls(_ count: Int, _ lab: EdgeLab, _ issuer: DevelopmentIssuer) throws -> [EdgeLab.Call] {
        try (0..<count).map { number in
            let token = try issuer.mint(
                pool: "analytics", scope: "mcp:analytics", audience: "\(lab.plan.edge.url)/analytics/mcp",
                subject: "user\(number)", ttl: 3600, now: Date().timeIntervalSince1970)
            return EdgeLab.Call(
                headers: [["Authorization", "Bearer \(token.reveal())"]], body: #"{"method":"initialize"}"#)
        }
    }

    private func colours(_ answers: [EdgeLab.Answer]) -> [String: Int] {
        answers.reduce(into: [:]) { $0[$1.instance.map { String($0.prefix(1)) } ?? "\($1.status)", default: 0] += 1 }
    }

    private func policy(
        _ lab: EdgeLab, _ issuer: DevelopmentIssuer, revision: Int, also: GatePolicy.Pool.Also?
    ) -> GatePolicy {
        GatePolicy(
            revision: revision, url: lab.plan.edge.url,
            pools: [
                .init(
                    name: "analytics", scope: "mcp:analytics", active: .a, sessions: ["a1", "a2", "b1", "b2"],
                    also: also)
            ], issuers: [issuer.policyIssuer])
    }

    private func write(_ policy: GatePolicy, _ lab: EdgeLab) throws {
        try JSONEncoder().encode(policy).write(to: URL(fileURLWithPath: lab.root + "/policy.json"), options: .atomic)
    }

    private func gate(of lab: EdgeLab, _ issuer: DevelopmentIssuer) async throws -> GateServer {
        try write(policy(lab, issuer, revision: 1, also: nil), lab)
        let socket = lab.root + "/gate.sock"
        let server = try await GateServer.start(
            policyFile: lab.root + "/policy.json", listener: .path(socket), log: AuditLog { _ in })
        // A master that is root has workers that are nobody.
        chmod(socket, 0o666)
        return server
    }
}

/// As a supervisor asks it.
enum GateTally {
    private struct Document: Decodable { var sessions: [SessionTally] }

    static func of(_ socket: String) async throws -> [String: Int] {
        let curl = Process()
        curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
        curl.arguments = ["-s", "--unix-socket", socket, "-H", "X-Convoy-Query: idle=300", "http://gate/sessions"]
        let output = Pipe()
        curl.standardOutput = output
        try curl.run()
        let body = output.fileHandleForReading.readDataToEndOfFile()
        curl.waitUntilExit()
        let tallies = try JSONDecoder().decode(Document.self, from: body).sessions
        return Dictionary(tallies.compactMap { tally in tally.tag.map { ($0, tally.live) } }, uniquingKeysWith: +)
    }
}
