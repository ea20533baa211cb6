import Fleet

/// A call of the denied tool, without arguments.
struct ToolCall: Sendable {
    let tools: Target.Tools
    let bench: Bench

    /// A name that the rule has nothing against, or at least not for being the denied one.
    var other: String { tools.allowed ?? "convoy_verify_other" }

    /// - Parameters: what `Mcp-Name` and the body say; by default the denied tool.
    func request(header: String? = nil, body: String? = nil) throws -> Request {
        bench.modern(
            "tools/call", name: body ?? tools.denied, params: ["arguments": .object([:])], token: try bench.goodToken()
        ).with("Mcp-Name", header ?? body ?? tools.denied)
    }

    /// Refused by the edge or by the server, in any way but with a result.
    func mustNotHappen(_ request: Request, _ how: String) async throws {
        let sent = request.saying("POST tools/call of \(tools.denied), \(how)")
        let reply: Reply
        do { reply = try await bench.insist(sent) } catch let silence as Silence {
            if silence.end == .limit { throw silence.fault }
            return
        }
        if reply.status >= 500, reply.status != 501 { throw reply.fault("it made the edge fail") }
        if reply.answer.isServed { try judge(reply) }
    }

    /// Not every error is a refusal: a tool that complains of its arguments was called.
    private func judge(_ reply: Reply) throws {
        let text = reply.answer.text.lowercased()
        guard let json = reply.answer.json else {
            if reply.answer.body.isEmpty { return }
            throw reply.fault("it was served, with what is no JSON")
        }
        let error = json["error"]?["code"]?.integerValue
        if error == -32000, text.contains("rate limit") {
            throw Skip("the server has no time: it limits requests itself")
        }
        let isUnknown = text.contains("unknown tool") || text.contains("not found")
        let isFailed = error != nil || json["result"]?["isError"] == .bool(true)
        if isFailed, isUnknown || Self.refusals.contains(error ?? 0) { return }
        throw reply.fault("the denied tool was called")
    }

    /// Parse error, invalid request, no such method; MCP 2026-07-28: header mismatch, unsupported version.
    private static let refusals: Set = [-32700, -32600, -32601, -32020, -32022]

    func mustKeepLegacyOut() throws {
        if tools.letsLegacyIn { throw Skip("legacy clients may come in: the server itself is limited (legacyTools)") }
    }
}
