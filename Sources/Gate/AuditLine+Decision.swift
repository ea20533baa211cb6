import Admission
import Crypto

extension AuditLine {
    /// One decision: who asked for what from where, what became of it, and why. Never the token; of a
    /// session only a few digits of its digest, enough to follow it through the log.
    package init(at: Double, _ request: AccessRequest, _ decision: AdmissionDecision) {
        self.init(at: at) { line in
            let caller = decision.caller
            line.add("event", "decision")
            line.add("requestId", request.requestID)
            line.add("pool", request.pools.first ?? "")
            line.add("subject", caller?.subject ?? "")
            line.add("decision", decision.status)
            line.add("reason", decision.reason)
            line.add("word", decision.word)
            line.add("issuer", caller?.issuer ?? "")
            line.add("client", request.client)
            line.add("method", request.method)
            line.add("mcpMethod", request.mcpMethod)
            line.add("mcpName", request.mcpName)
            if let tool = request.tool { line.add("tool", tool) }
            let session = if case .admit(let grant) = decision { grant.newSession ?? "" } else { "" }
            line.add("session", Self.mark(session.isEmpty ? request.sessionID : session))
        }
    }

    /// A session that a server has opened.
    init(at: Double, registration question: Question, _ status: Int) {
        self.init(at: at) { line in
            line.add("event", "session")
            line.add("requestId", question.access.requestID)
            line.add("pool", question.access.pools.first ?? "")
            line.add("decision", status)
            line.add("owner", String((question.owners.first ?? "").prefix(8)))
            line.add("session", Self.mark(question.access.sessionID))
        }
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
