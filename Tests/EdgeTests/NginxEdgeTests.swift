import Fleet
import Foundation
import Glibc
import Ports
import Rendering
import Testing

@testable import Edge

@Suite(
    "Installing a configuration into a real nginx (real parts)", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct NginxEdgeTests {
    @Test("the same files again change nothing, and need no nginx")
    func unchanged() async throws {
        try await withFiles { (lab, files) async throws in
            #expect(try await lab.edge.install(files))
            #expect(try await !lab.edge.install(files))
            let blind = NginxEdge(
                configuration: lab.root + "/edge", runtime: lab.root + "/run", logFile: lab.root + "/log/error.log",
                executable: "/nonexistent/nginx")
            #expect(try await !blind.install(files))
        }
    }

    @Test("a configuration that nginx refuses changes nothing, and its words come through")
    func refused() async throws {
        try await withFiles { (lab, files) async throws in
            _ = try await lab.edge.install(files)
            let before = try tree(lab)
            let bad = [RenderedFile(path: "nginx.conf", content: files[0].content + "\nnonsense on;\n")]
            let failure = await #expect(throws: Failure.self) { try await lab.edge.install(bad) }
            #expect(failure?.why.contains("nonsense") == true)
            #expect(try tree(lab) == before)
            #expect(try await !lab.edge.install(files))
        }
    }

    @Test("a check says what nginx says, and leaves nothing behind, good or bad")
    func checked() async throws {
        try await withFiles { (lab, files) async throws in
            _ = try await lab.edge.install(files)
            let before = try tree(lab)
            try await lab.edge.check([RenderedFile(path: "nginx.conf", content: files[0].content + "\n# other\n")])
            let bad = [RenderedFile(path: "nginx.conf", content: files[0].content + "\nnonsense on;\n")]
            let failure = await #expect(throws: Failure.self) { try await lab.edge.check(bad) }
            #expect(failure?.why.contains("nonsense") == true)
            #expect(try tree(lab) == before)
        }
    }

    @Test("a path that would leave the directory is refused")
    func escape() async throws {
        try await withFiles { (lab, files) async throws in
            for path in ["../nginx.conf", "/etc/x", "a//b", "a/../../b"] {
                await #expect(throws: Failure.self) {
                    try await lab.edge.install(files + [RenderedFile(path: path, content: "")])
                }
            }
        }
    }

    @Test("a changed byte on disk is put right; secrets keep their mode")
    func repaired() async throws {
        try await withFiles { (lab, files) async throws in
            let secrets = RenderedFile(path: "secrets/pools.map", content: "analytics \"s3cret\";\n", mode: 0o600)
            #expect(try await lab.edge.install(files + [secrets]))
            let path = lab.root + "/edge/current/secrets/pools.map"
            #expect(EdgeFile.mode(path) == 0o600)
            chmod(path, 0o644)
            #expect(try await lab.edge.install(files + [secrets]))
            #expect(EdgeFile.mode(path) == 0o600)
        }
    }

    @Test("the version before keeps its secrets only while they are in use")
    func oldSecrets() async throws {
        try await withFiles { (lab, files) async throws in
            func map(_ pool: String, _ secret: String) throws -> RenderedFile {
                try EdgeRenderer.headerSecret(Secret(secret), of: pool)
            }
            let edge = lab.root + "/edge/versions"
            _ = try await lab.edge.install(files + [try map("one", "same"), try map("two", "old")])
            _ = try await lab.edge.install(files + [try map("one", "same"), try map("two", "new")])
            #expect(try FileManager.default.contentsOfDirectory(atPath: edge + "/1/secrets") == ["one.map"])
            #expect(EdgeFile.mode(edge + "/2/secrets/two.map") == 0o600)
            _ = try await lab.edge.install(files)
            #expect(try FileManager.default.contentsOfDirectory(atPath: edge + "/2/secrets").isEmpty)
        }
    }

    @Test("many installers at once leave one whole configuration and the one before it")
    func concurrent() async throws {
        try await withFiles { (lab, files) async throws in
            let edge = lab.edge
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<8 {
                    let file = RenderedFile(path: "nginx.conf", content: files[0].content + "# \(number)\n")
                    group.addTask { try await edge.install([file]) }
                }
                for try await changed in group { #expect(changed) }
            }
            #expect(try tree(lab).count == 2)
            let current = try String(contentsOfFile: lab.root + "/edge/current/nginx.conf", encoding: .utf8)
            #expect(current.hasPrefix(files[0].content))
        }
    }

    @Test("no nginx: unavailable, with the package that has it")
    func missing() async throws {
        try await withFiles { (lab, files) async throws in
            let edge = NginxEdge(
                configuration: lab.root + "/edge", runtime: lab.root + "/run", logFile: lab.root + "/log/error.log",
                executable: "/nonexistent/nginx")
            for attempt in [{ _ = try await edge.install(files) }, { _ = try await edge.process() }] {
                let failure = await #expect(throws: Failure.self) { try await attempt() }
                #expect(failure?.code == .unavailable && failure?.next.contains("nginx-light") == true)
            }
        }
    }

    @Test("after an install and HUP a slot that is out of rotation gets nothing, nor do its sessions")
    func reload() async throws {
        try await withEdgeLab(["a1", "a2"]) { (lab) async throws in
            let opened = try lab.calls(Array(repeating: EdgeLab.Call(body: #"{"method":"initialize"}"#), count: 4))
            let session = opened.first { $0.instance == "a1" }?.values("Mcp-Session-Id").first ?? ""
            lab.plan.pools[0].slots[0].inRotation = false
            #expect(try await lab.edge.install(EdgeRenderer.render(lab.plan)))
            lab.signalEdge(SIGHUP)
            // A worker of before may still answer, or cut a connection, until it has seen the signal.
            var cleanRounds = 0
            for _ in 0..<200 where cleanRounds < 5 {
                let answers = (try? lab.calls([EdgeLab.Call(times: 6)])) ?? []
                let isClean = answers.count == 6 && answers.allSatisfy { $0.status == 200 && $0.instance == "a2" }
                cleanRounds = isClean ? cleanRounds + 1 : 0
            }
            #expect(cleanRounds == 5)
            let answer = try lab.call(EdgeLab.Call().with("Mcp-Session-Id", session))
            #expect(answer.status == 404 && answer.instance == "a2")
        }
    }

    private func withFiles(_ body: (EdgeLab, [RenderedFile]) async throws -> Void) async throws {
        let lab = try EdgeLab()
        defer { lab.stop() }
        try await body(lab, try EdgeRenderer.render(lab.plan))
    }

    private func tree(_ lab: EdgeLab) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: lab.root + "/edge/versions").sorted()
    }
}
