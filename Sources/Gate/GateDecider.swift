import Admission
import NIOHTTP1

/// From a request's head to the answer: what the contract with the edge says, and nothing of sockets.
struct GateDecider: Sendable {
    let shelf: PolicyShelf
    let audit: AuditLog
    /// Seconds since 1970.
    let clock: @Sendable () -> Double

    func answer(_ head: HTTPRequestHead) -> GateAnswer {
        guard head.method == .GET else { return GateAnswer(status: 404) }
        switch head.uri {
        case "/authorize": return authorize(head.headers)
        case "/healthz": return health()
        default: return GateAnswer(status: 404)
        }
    }

    private func health() -> GateAnswer {
        let json = [(name: "Content-Type", value: "application/json")]
        guard let policy = shelf.current else {
            return GateAnswer(status: 503, headers: json, body: #"{"revision":null}"#)
        }
        return GateAnswer(status: 200, headers: json, body: #"{"revision":\#(policy.revision)}"#)
    }

    private func authorize(_ headers: HTTPHeaders) -> GateAnswer {
        // Fail closed: nginx answers 500 to its client.
        guard let policy = shelf.current else { return GateAnswer(status: 503) }
        let request = AccessRequest(headers)
        let now = clock()
        let decision = policy.decide(request, now: now)
        audit.append(AuditLine(at: now, request, decision))
        return GateAnswer(decision)
    }
}

extension AccessRequest {
    init(_ headers: HTTPHeaders) {
        self.init(
            pools: headers["X-Convoy-Pool"], method: headers.first(name: "X-Convoy-Method") ?? "",
            query: headers.first(name: "X-Convoy-Query") ?? "", authorization: headers["Authorization"],
            origins: headers["Origin"], host: headers.first(name: "Host") ?? "",
            sessionID: headers.first(name: "Mcp-Session-Id") ?? "", mcpMethod: headers.first(name: "Mcp-Method") ?? "",
            mcpName: headers.first(name: "Mcp-Name") ?? "",
            protocolVersion: headers.first(name: "MCP-Protocol-Version") ?? "",
            requestID: headers.first(name: "X-Request-Id") ?? "")
    }
}
