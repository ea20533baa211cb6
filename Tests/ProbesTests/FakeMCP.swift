import Fleet
import Foundation
import Synchronization

@testable import Probes

/// An MCP server to be bent by tests: which eras it speaks, what its calls answer, which sessions
/// it believes to be open.
final class FakeMCP: Sendable {
    typealias Override = @Sendable (ScriptedServer.Request, ScriptedServer.Connection) -> Bool

    let eras: Set<Era>
    let mintsOnDiscover: Bool
    let override: Override
    let sessions = Mutex<(minted: Int, open: Set<String>)>((0, []))

    init(
        _ eras: Set<Era> = [.modern, .legacy], mintsOnDiscover: Bool = false,
        override: @escaping Override = { _, _ in false }
    ) {
        self.eras = eras
        self.mintsOnDiscover = mintsOnDiscover
        self.override = override
    }

    static let tools =
        #"[{"name":"b","description":"B","inputSchema":{"type":"object"}},{"name":"a","description":"A","#
        + #""inputSchema":{"type":"object","properties":{"y":{},"x":{}}},"annotations":{"readOnlyHint":true}}]"#

    var openSessions: Set<String> { sessions.withLock { $0.open } }
    var minted: Int { sessions.withLock { $0.minted } }

    static func result(_ id: Int, _ result: String) -> String { #"{"jsonrpc":"2.0","id":\#(id),"result":\#(result)}"# }
    static func error(_ id: Int, _ code: Int, _ message: String) -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"message":"\#(message)"}}"#
    }

    func mint() -> String {
        sessions.withLock {
            $0.minted += 1
            $0.open.insert("s\($0.minted)")
            return "s\($0.minted)"
        }
    }

    @Sendable func serve(_ request: ScriptedServer.Request, _ connection: ScriptedServer.Connection) {
        if override(request, connection) { return }
        if request.method == "DELETE" { return end(request, connection) }
        guard request.method == "POST", request.path == "/mcp" else { return connection.answer(404, "") }
        if request.headers["mcp-method"] != nil { return modern(request, connection) }
        legacy(request, connection)
    }

    private func end(_ request: ScriptedServer.Request, _ connection: ScriptedServer.Connection) {
        let known = sessions.withLock { $0.open.remove(request.headers["mcp-session-id"] ?? "") }
        connection.answer(known == nil ? 404 : 200, "")
    }

    private func modern(_ request: ScriptedServer.Request, _ connection: ScriptedServer.Connection) {
        guard eras.contains(.modern) else {
            let headers = mintsOnDiscover ? ["Mcp-Session-Id: \(mint())"] : []
            return connection.answer(400, Self.error(request.rpcID, -32600, "no session"), headers: headers)
        }
        let meta = (request.json["params"] as? [String: Any])?["_meta"] as? [String: Any]
        guard meta?["io.modelcontextprotocol/protocolVersion"] as? String == request.headers["mcp-protocol-version"],
            request.headers["mcp-method"] == request.rpcMethod
        else { return connection.answer(400, Self.error(request.rpcID, -32020, "header mismatch")) }
        let info = #""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fake","version":"1.2.3"}}"#
        switch request.rpcMethod {
        case "server/discover":
            connection.answer(
                200,
                Self.result(
                    request.rpcID, #"{"supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{},\#(info)}"#))
        default: common(request, connection)
        }
    }

    private func legacy(_ request: ScriptedServer.Request, _ connection: ScriptedServer.Connection) {
        guard eras.contains(.legacy) else {
            return connection.answer(400, Self.error(request.rpcID, -32022, "unsupported version"))
        }
        if request.rpcMethod == "initialize" {
            let body =
                #"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"fake","version":"1.2.3"}}"#
            return connection.answer(200, Self.result(request.rpcID, body), headers: ["Mcp-Session-Id: \(mint())"])
        }
        guard let session = request.headers["mcp-session-id"] else { return connection.answer(400, "") }
        guard openSessions.contains(session) else { return connection.answer(404, "") }
        if request.rpcMethod == "notifications/initialized" { return connection.answer(202, "") }
        common(request, connection)
    }

    private func common(_ request: ScriptedServer.Request, _ connection: ScriptedServer.Connection) {
        switch request.rpcMethod {
        case "tools/list":
            connection.answer(200, Self.result(request.rpcID, #"{"resultType":"complete","tools":\#(Self.tools)}"#))
        case "tools/call":
            let body =
                #"{"content":[{"type":"text","text":"hello"},{"type":"image","data":"x"},{"type":"text","#
                + #""text":"world"}],"structuredContent":{"n":1}}"#
            connection.answer(200, Self.result(request.rpcID, body))
        default: connection.answer(404, Self.error(request.rpcID, -32601, "unknown method"))
        }
    }
}

/// Brings up a fake, probes it, and tears all down.
@discardableResult
func withFake<Value>(
    _ fake: FakeMCP, _ body: (MCPProber, ScriptedServer) async throws -> Value
) async throws -> Value {
    let server = try ScriptedServer(fake.serve)
    let prober = MCPProber()
    let outcome: Result<Value, any Error>
    do { outcome = .success(try await body(prober, server)) } catch { outcome = .failure(error) }
    await prober.shutdown()
    server.stop()
    return try outcome.get()
}

extension ProbePlan {
    init(
        _ server: ScriptedServer, timeout: Seconds = 30, canary: CanarySpec? = nil, liveness: String? = nil,
        headersFile: String? = nil
    ) {
        self.init(
            endpoint: server.endpoint, host: "fleet.example:1", liveness: liveness, timeout: timeout, canary: canary,
            version: Profile.Version(), expectedVersion: "1.2.3", headersFile: headersFile)
    }
}
