import AsyncHTTPClient
import Fleet
import Foundation
import Ports

/// JSON-RPC over the exchange, in one era.
struct MCPConversation: Sendable {
    static let modernVersion = "2026-07-28"
    static let legacyVersion = "2025-11-25"
    private static let accepted = "application/json, text/event-stream"

    let exchange: HTTPExchange
    let era: Era
    /// Legacy: what `initialize` agreed on.
    var version: String?
    var session: String?

    init(_ exchange: HTTPExchange, _ era: Era) {
        self.exchange = exchange
        self.era = era
    }

    func call(_ id: Int, _ method: String, _ params: [String: JSONValue] = [:], name: String? = nil) async throws
        -> RPCAnswer
    {
        try await converse(id, method, params, name: name).answer
    }

    /// The answer, and the session that came with it.
    func converse(_ id: Int, _ method: String, _ params: [String: JSONValue], name: String? = nil) async throws
        -> (answer: RPCAnswer, session: String?)
    {
        var members = params
        if era == .modern { members["_meta"] = Self.meta }
        let body = try RPCMessage.request(id: id, method, .object(members))
        let response = try await post(body, method, name)
        let session = response.headers.first(name: "Mcp-Session-Id")
        if let kind = response.headers.first(name: "Content-Type"), kind.lowercased().hasPrefix("text/event-stream"),
            response.status.code < 300
        {
            return (try await firstAnswer(to: id, in: response), session)
        }
        return (try await onlyAnswer(to: id, in: response), session)
    }

    func notify(_ method: String) async throws {
        let response = try await post(try RPCMessage.notification(method), method, nil)
        _ = try await exchange.body(of: response)
        guard (200..<300).contains(response.status.code) else {
            throw ProbeFault("\(method): HTTP \(response.status.code)")
        }
    }

    private func post(_ body: [UInt8], _ method: String, _ name: String?) async throws -> HTTPClientResponse {
        var headers = [("Content-Type", "application/json"), ("Accept", Self.accepted)]
        if era == .modern {
            headers += [("MCP-Protocol-Version", Self.modernVersion), ("Mcp-Method", method)]
            if let name { headers.append(("Mcp-Name", HeaderText.encoded(name))) }
        } else {
            if let version { headers.append(("MCP-Protocol-Version", version)) }
            if let session { headers.append(("Mcp-Session-Id", session)) }
        }
        var request = exchange.request("POST", exchange.plan.endpoint, headers: headers)
        request.body = .bytes(body, length: .known(Int64(body.count)))
        return try await exchange.execute(request)
    }

    private func onlyAnswer(to id: Int, in response: HTTPClientResponse) async throws -> RPCAnswer {
        let status = Int(response.status.code)
        let bytes = try await exchange.body(of: response)
        guard (200..<300).contains(status) else {
            // A refused request may say why in JSON-RPC; anything else is just its status.
            if let answer = try? RPCMessage.answer(to: id, in: bytes), case .error = answer {
                return answer
            }
            throw ProbeFault("HTTP \(status)", busy: status == 429)
        }
        guard let answer = try RPCMessage.answer(to: id, in: bytes) else {
            throw ProbeFault("a request or notification instead of an answer")
        }
        return answer
    }

    private func firstAnswer(to id: Int, in response: HTTPClientResponse) async throws -> RPCAnswer {
        var events = ServerSentEvents()
        var size = 0
        do {
            for try await chunk in response.body {
                size += chunk.readableBytes
                if size > HTTPExchange.bodyLimit { throw HTTPExchange.tooLong }
                for data in events.append(chunk.readableBytesView) where !data.isEmpty {
                    if let answer = try RPCMessage.answer(to: id, in: data) { return answer }
                }
            }
        } catch {
            throw TransportFault.translate(error)
        }
        throw ProbeFault("the event stream ended without an answer")
    }

    private static let meta: JSONValue = .object([
        "io.modelcontextprotocol/protocolVersion": .string(modernVersion),
        "io.modelcontextprotocol/clientInfo": clientInfo,
        "io.modelcontextprotocol/clientCapabilities": .object([:]),
    ])

    static let clientInfo: JSONValue = .object(["name": .string("convoy-probe"), "version": .string("1")])
}

enum HeaderText {
    /// What is not plain visible ASCII travels as `=?base64?...?=`.
    static func encoded(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) || $0 == 0x20 }
        let padded = text.hasPrefix(" ") || text.hasSuffix(" ")
        if plain, !padded, !text.hasPrefix("=?base64?") { return text }
        return "=?base64?\(Data(text.utf8).base64EncodedString())?="
    }
}
