import Fleet
import Foundation
import Rendering
import Testing

@testable import Edge

@Suite(
    "A real MCP server behind a real nginx (real parts)", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct GrafanaEdgeTests {
    @Test("mcp-grafana takes the edge's Host when it is allowed by flag, and serves through a kill of one of two")
    func grafana() async throws {
        let parts = try #require(ProcessInfo.processInfo.environment["CONVOY_PARTS"])
        let lab = try EdgeLab(slots: ["a1", "a2"])
        defer { lab.stop() }
        let program = try install("mcp-grafana==2.0.0", from: parts + "/wheels", in: lab)
        for tag in ["a1", "a2"] {
            let host = "127.0.0.1:\(lab.port(tag))"
            try lab.launch(
                tag, program,
                ["-t", "streamable-http", "--address", host, "--allowed-hosts", "127.0.0.1,\(host)"]
                    + ["--enabled-tools", "navigation"],
                ["DO_NOT_TRACK": "1", "GRAFANA_URL": "http://127.0.0.1:1"])
            try await lab.connectable(lab.port(tag))
        }
        try await lab.start(doubles: false)
        let version = #"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}"#
        let body = #"{"jsonrpc":"2.0","id":1,"method":"initialize","params":\#(version)}"#
        let call = EdgeLab.Call(body: body, times: 20)
            .with("Accept", "application/json, text/event-stream").with("Origin", "https://origin.example")
        let before = try lab.calls([call])
        #expect(before.allSatisfy { $0.status == 200 && $0.body.contains("serverInfo") }, "\(before[0])")
        lab.kill("a1")
        let after = try lab.calls([call])
        #expect(after.allSatisfy { $0.status == 200 && $0.body.contains("serverInfo") })
    }

    private func install(_ requirement: String, from wheels: String, in lab: EdgeLab) throws -> String {
        let environment = lab.root + "/venv"
        for (program, arguments) in [
            ("/usr/bin/python3", ["-m", "venv", environment]),
            (environment + "/bin/pip", ["install", "-q", "--no-index", "--find-links", wheels, requirement]),
        ] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
        }
        return environment + "/bin/mcp-grafana"
    }
}
