import Admission
import Crypto
import NIOHTTP1

extension AuditLine {
    /// One decision: who asked for what from where, what became of it, and why. Never the token; of a
    /// session only a few digits of its digest, enough to follow it through the log.
    package init(at: Double, _ request: AccessRequest, _ decision: AdmissionDecision) {
        var fields: [(String, Value)] = [
            ("event", .text("decision")), ("requestId", .text(request.requestID)),
            ("pool", .text(request.pools.first ?? "")), ("subject", .text(decision.caller?.subject ?? "")),
            ("decision", .number(decision.status)), ("reason", .text(decision.reason)),
            ("word", .text(decision.word)), ("issuer", .text(decision.caller?.issuer ?? "")),
            ("client", .text(request.client)), ("method", .text(request.method)),
            ("mcpMethod", .text(request.mcpMethod)), ("mcpName", .text(request.mcpName)),
        ]
        if let tool = request.tool { fields.append(("tool", .text(tool))) }
        let session = if case .admit(let grant) = decision { grant.newSession ?? "" } else { "" }
        fields.append(("session", .text(Self.mark(session.isEmpty ? request.sessionID : session))))
        self.init(at: at, fields)
    }

    /// A session that a server has opened.
    init(at: Double, registration headers: HTTPHeaders, _ status: Int) {
        self.init(
            at: at,
            [
                ("event", .text("session")), ("requestId", .text(headers.first(name: "X-Request-Id") ?? "")),
                ("pool", .text(headers.first(name: "X-Convoy-Pool") ?? "")), ("decision", .number(status)),
                ("owner", .text(String((headers.first(name: "X-Convoy-Owner") ?? "").prefix(8)))),
                ("session", .text(Self.mark(headers.first(name: "Mcp-Session-Id") ?? ""))),
            ])
    }

    /// Eight digits, or none.
    static func mark(_ session: String) -> String {
        if session.isEmpty { return "" }
        var session = session
        let digest = session.withUTF8 { SHA256.hash(data: $0) }
        return Base64URL.encode(digest.prefix(6))
    }
}

extension AdmissionDecision {
    fileprivate var word: String {
        if case .forbid(_, let word, _, _, _) = self { word.rawValue } else { "" }
    }
}
