import Fleet

/// The requests that checks start from.
extension Bench {
    /// POST of the message that opens a conversation: it needs no session, so an edge that admits it answers 200.
    func opening(_ token: String?) -> Request { survey.isModern ? discover(token) : initialize(token) }

    /// The same with a good token.
    func good() throws -> Request { opening(try goodToken()).saying("POST with a good token") }

    /// The same without any.
    func bare() -> Request { opening(nil).saying("POST without a token") }

    func goodToken(subject: String? = nil) throws -> String { try needForge().token(subject: subject) }

    func needForge() throws -> TokenForge {
        guard let forge else { throw Skip("needs the issuer's key") }
        return forge
    }

    /// POST with a token that `change` made bad.
    func forged(_ words: String, _ change: (inout TokenDraft) throws -> Void) throws -> Request {
        opening(try needForge().token(change)).saying("POST with a token \(words)")
    }

    func discover(_ token: String?) -> Request { modern("server/discover", token: token) }

    func modern(
        _ method: String, name: String? = nil, params: [String: JSONValue] = [:],
        version: String = Survey.modernVersion, token: String?
    ) -> Request {
        var params = params
        if let name { params["name"] = .string(name) }
        params["_meta"] = .object([
            "io.modelcontextprotocol/protocolVersion": .string(version),
            "io.modelcontextprotocol/clientInfo": Self.clientInfo,
            "io.modelcontextprotocol/clientCapabilities": .object([:]),
        ])
        var request = post(Self.message(method, .object(params)), token: token)
            .adding("MCP-Protocol-Version", version).adding("Mcp-Method", method)
        if let name { request = request.adding("Mcp-Name", name) }
        return request.saying("POST \(method) with a good token")
    }

    func initialize(_ token: String?) -> Request {
        let params: JSONValue = .object([
            "protocolVersion": .string(Survey.legacyVersion), "capabilities": .object([:]),
            "clientInfo": Self.clientInfo,
        ])
        return post(Self.message("initialize", params), token: token).saying("POST initialize")
    }

    /// A request within a legacy session.
    func ping(session: String, _ token: String?) -> Request {
        inSession(post(Self.message("ping", nil), token: token), session).saying("POST ping in a session")
    }

    func delete(session: String, _ token: String?) -> Request {
        var request = inSession(post("", token: token), session).by("DELETE").saying("DELETE of a session")
        request.body = []
        return request
    }

    func stream(session: String, _ token: String?) -> Request {
        var request = inSession(post("", token: token), session).by("GET").with("Accept", "text/event-stream")
        request.body = []
        return request.saying("GET of a session's event stream")
    }

    func get(_ path: String) -> Request {
        Request(
            method: "GET", path: path,
            headers: [
                ("Host", target.url.authority), ("Accept", "*/*"), ("User-Agent", "convoy-verify"),
                ("Connection", "close"),
            ], body: [], words: "GET \(path) without a token")
    }

    func post(_ body: String, token: String?) -> Request {
        var headers = [
            ("Host", target.url.authority), ("User-Agent", "convoy-verify"),
            ("Accept", "application/json, text/event-stream"), ("Content-Type", "application/json"),
        ]
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        headers.append(("Connection", "close"))
        return Request(
            method: "POST", path: target.url.target, headers: headers, body: Array(body.utf8), words: "POST")
    }

    private func inSession(_ request: Request, _ session: String) -> Request {
        request.adding("MCP-Protocol-Version", survey.legacyVersion).adding("Mcp-Session-Id", session)
    }

    static func message(_ method: String, _ params: JSONValue?, id: Int? = 1) -> String {
        var message: [String: JSONValue] = ["jsonrpc": .string("2.0"), "method": .string(method)]
        if let params { message["params"] = params }
        if let id { message["id"] = .integer(id) }
        return Members.text(.object(message))
    }

    private static let clientInfo: JSONValue = .object(["name": .string("convoy-verify"), "version": .string("1")])
}
