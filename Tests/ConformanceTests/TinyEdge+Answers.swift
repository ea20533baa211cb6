import Fleet
import Foundation

@testable import Conformance

extension TinyEdge {
    private static let wellKnown = "/.well-known/oauth-protected-resource"

    func respond(_ request: TinyRequest) -> [UInt8] {
        if has(.anyMethod), request.method == "TRACE" { return answer(200, [], request["x-verify"] ?? "") }
        let path = String(request.target.prefix { $0 != "?" })
        let host = request["host"] ?? ""
        let places = [Self.wellKnown + url.path, url.path + Self.wellKnown, Self.wellKnown]
        if request.method == "GET", places.contains(path) || (flaws.contains(.open) && path.contains("oauth")) {
            return metadata(path, host, request)
        }
        let isOurs = path == url.path || (has(.anyHost) && path.hasSuffix(url.path) && path.contains("://"))
        if isOurs || has(.loosePath) { return endpoint(request, host: host) }
        return answer(404)
    }

    private func metadata(_ path: String, _ host: String, _ request: TinyRequest) -> [UInt8] {
        if has(.noMetadata), path != Self.wellKnown, !flaws.contains(.open) { return answer(404) }
        if flaws.contains(.open) {
            // Another document each time, wrong in all it says.
            let body =
                #"{"resource":"http://\#(url.host)/\#(path)","x":"\#(host)","scopes_supported":["offline_access"],"#
                + #""bearer_methods_supported":["query"]}"#
            return answer(200, [], body, type: "text/html")
        }
        let name = has(.hostInMetadata) ? request["x-forwarded-host"] ?? host : url.authority
        let body =
            #"{"resource":"\#(url.scheme)://\#(name)\#(url.path)","authorization_servers":["https://issuer.example"],"#
            + #""scopes_supported":["mcp:tiny"],"bearer_methods_supported":["header"]}"#
        if has(.variesMetadata), path == Self.wellKnown {
            return answer(200, [], body.replacing("mcp:tiny", with: "mcp:tiny2"))
        }
        return answer(200, ["Access-Control-Allow-Origin: *"], body)
    }

    private func endpoint(_ request: TinyRequest, host: String) -> [UInt8] {
        guard ["POST", "GET", "DELETE"].contains(request.method) || has(.anyMethod) else { return answer(405) }
        guard host == url.authority, !request.target.contains("://") || request.target == url.text || has(.anyHost)
        else {
            return has(.anyHost) ? served(request, "x") : answer(421)
        }
        let query = request.target.firstIndex(of: "?").map { request.target[$0...].lowercased() } ?? ""
        if !has(.queryToken), ["token", "authorization"].contains(where: query.contains) { return answer(400) }
        guard has(.anyOrigin) || request.values("origin").allSatisfy({ $0 == url.origin }) else { return answer(403) }
        if has(.picky), request["origin"] != nil || request["authorization"]?.hasPrefix("bearer") == true {
            return answer(403)
        }
        if isForeign(request) { return answer(403) }
        let (status, subject) = authorize(request, query)
        if status == 401 { return refusal(401, request) }
        if status == 403 { return refusal(403, request) }
        if let refusal = ruleRefusal(request, subject) { return refusal }
        return served(request, subject)
    }

    private func authorize(_ request: TinyRequest, _ query: String) -> (Int, String) {
        if flaws.contains(.open) { return (200, request["authorization"] ?? "") }
        if has(.anyHeader), request.headers.contains(where: { $0.name == "x-forwarded-user" }) { return (200, "admin") }
        if has(.queryToken), let token = request.target.firstRange(of: "access_token=") {
            return judge(String(request.target[token.upperBound...]), request)
        }
        let values = request.values("authorization")
        guard let value = values.first, values.count == 1 || has(.firstHeaderOnly) else { return (401, "") }
        if has(.anyBinding), value.hasPrefix("DPoP ") { return judge(String(value.dropFirst(5)), request) }
        guard value.lowercased().hasPrefix("bearer ") else { return (401, "") }
        return judge(String(value.dropFirst(7)), request)
    }

    func refusal(_ status: Int, _ request: TinyRequest) -> [UInt8] {
        if has(.noChallenge) || (has(.plainForbidden) && status == 403) { return answer(status) }
        let hasToken = request["authorization"] != nil
        let error = status == 403 ? "insufficient_scope" : "invalid_token"
        let place = "\(url.origin)\(Self.wellKnown)\(url.path)"
        let challenge = "Bearer resource_metadata=\"\(place)\", scope=\"mcp:tiny\""
        return answer(
            status, ["WWW-Authenticate: " + challenge + (hasToken || has(.eagerError) ? ", error=\"\(error)\"" : "")])
    }

    // MARK: The server behind

    private func served(_ request: TinyRequest, _ subject: String) -> [UInt8] {
        var record = request.headers
        if !has(.passesToken) {
            let ours = ["authorization", "cookie", "forwarded", "x-forwarded-host", "x-real-ip"]
            record.removeAll { ours.contains($0.name) || $0.name.hasPrefix("x-convoy-") }
        }
        state.withLock { state in
            state.record += record.map { "\($0.name): \($0.value)\n" }.joined()
            if flaws.contains(.open) { state.record += "GET /convoy-verify-smuggled-upstream HTTP/1.1\n" }
        }
        if flaws.contains(.open) {
            let body =
                #"{"result":{"supportedVersions":[],"protocolVersion":"x"},"echo":"\#(request["authorization"] ?? "")"}"#
            let headers = ["Mcp-Session-Id: x", "X-Convoy-Group: a", "Access-Control-Allow-Origin: *"]
            return answer(200, headers, body, type: "text/html")
        }
        if has(.trustsGroup),
            request.headers.contains(where: {
                $0.name.hasPrefix("x-convoy-") || $0.name.hasPrefix("x-") && $0.name != "x-verify-marker"
            })
        {
            return answer(503)
        }
        let body = try? JSONDecoder().decode(JSONValue.self, from: Data(request.body))
        let isModern = request["mcp-method"] != nil || request["mcp-protocol-version"].map { $0 > "2026" } == true
        if request.method == "POST", body?.objectValue == nil { return answer(has(.fragile) ? 500 : 400) }
        if has(.fragile), request.method == "POST", isOdd(request) { return answer(500) }
        return isModern && request["mcp-session-id"].map { $0.contains("convoy-verify") } != false
            ? modern(request, body) : legacy(request, body, subject)
    }

    private func isOdd(_ request: TinyRequest) -> Bool {
        request["content-type"] != "application/json" || request["mcp-method"]?.contains("%") == true
            || request["mcp-session-id"]?.contains("/") == true
    }

    private func modern(_ request: TinyRequest, _ body: JSONValue?) -> [UInt8] {
        if request.method != "POST" { return answer(has(.anyMethod) ? 200 : 405) }
        let meta = body?["params"]?["_meta"]?["io.modelcontextprotocol/protocolVersion"]?.stringValue
        let isConsistent =
            request["mcp-method"] == body?["method"]?.stringValue && request["mcp-protocol-version"] == meta
            && request["mcp-name"] == body?["params"]?["name"]?.stringValue
        guard isConsistent else { return answer(400, [], #"{"error":{"code":-32020}}"#) }
        guard meta == Survey.modernVersion else {
            return answer(400, [], #"{"error":{"code":-32022,"data":{"supported":["2026-07-28"]}}}"#)
        }
        if body?["method"] == .string("tools/list") { return answer(200, [], #"{"result":{"tools":[]}}"#) }
        guard body?["method"] == .string("server/discover") else {
            return answer(404, [], #"{"error":{"code":-32601}}"#)
        }
        return answer(
            200, [], "data: {\"result\":{\"supportedVersions\":[\"2026-07-28\"]}}\n\n", type: "text/event-stream")
    }

    private func legacy(_ request: TinyRequest, _ body: JSONValue?, _ subject: String) -> [UInt8] {
        if has(.modernOnly) { return answer(request.method == "POST" ? 400 : has(.anyMethod) ? 200 : 405) }
        guard let session = request["mcp-session-id"] else {
            guard body?["method"] == .string("initialize") else { return answer(400) }
            let id = "a1.\(UUID().uuidString)"
            if !has(.forgetsSessions) { state.withLock { $0.sessions[id] = subject } }
            return answer(200, ["Mcp-Session-Id: \(id)"], #"{"result":{"protocolVersion":"2025-11-25"}}"#)
        }
        let owner = state.withLock { state in
            state.sessions.first {
                has(.looseTag)
                    ? $0.key.dropFirst(3) == session.dropFirst(3) || $0.key.hasPrefix(session.dropLast())
                    : $0.key == session
            }?.value
        }
        guard let owner, owner == subject || has(.sharedSessions) else {
            return answer(has(.deadSessionIs400) ? 400 : 404)
        }
        if request["mcp-protocol-version"] == "1999-01-01" { return answer(400) }
        switch request.method {
        case "DELETE":
            state.withLock { $0.sessions[session] = nil }
            return answer(200)
        case "GET": return Array("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n".utf8)
        default: return answer(body?["id"] == nil ? 202 : 200)
        }
    }
}
