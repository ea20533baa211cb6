import Fleet
import Foundation
import Ports
import Testing

@testable import Probes

/// What a server may send back to `tools/list`, and what the probe makes of it.
@Suite("MCPProber against odd answers")
struct OddAnswersTests {
    typealias Answer = @Sendable (ScriptedServer.Request, ScriptedServer.Connection) -> Void

    private func list(timeout: Seconds = 30, _ answer: @escaping Answer) async throws -> Readiness {
        let fake = FakeMCP([.modern]) { request, connection in
            guard request.rpcMethod == "tools/list" else { return false }
            answer(request, connection)
            return true
        }
        return try await withFake(fake) { try await $0.readiness(ProbePlan($1, timeout: timeout), knownEra: .modern) }
    }

    private func reason(timeout: Seconds = 30, _ answer: @escaping Answer) async -> String {
        do {
            return "no fault: \(try await list(timeout: timeout, answer))"
        } catch {
            return String(describing: error)
        }
    }

    @Test("an answer may come as an event stream, after other messages, over several data lines")
    func eventStream() async throws {
        let readiness = try await list { request, connection in
            let events =
                ": keep-alive\r\n\r\nid: 1\r\nevent: message\r\n"
                + #"data: {"jsonrpc":"2.0","method":"notifications/message","params":{}}"# + "\r\n\r\n"
                + #"data: {"jsonrpc":"2.0","id":7,"method":"roots/list"}"# + "\r\n\r\n"
                + "id: 2\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"id\":\(request.rpcID),\n"
                + "data:\"result\":{\"tools\":[]}}\n\n"
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n" + events)
            // The stream stays open: the probe must not wait for its end.
            connection.waitForClose()
        }
        #expect(readiness.tools.isEmpty)
    }

    @Test("an event stream that ends without the answer is a fault")
    func emptyStream() async {
        let reason = await reason { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: \n\n: nothing\n\n")
        }
        #expect(reason == "tools/list: the event stream ended without an answer")
    }

    @Test("all pages are read")
    func pages() async throws {
        let readiness = try await list { request, connection in
            let cursor = (request.json["params"] as? [String: Any])?["cursor"] as? String
            let page = Int(cursor ?? "0") ?? -1
            let next = page < 4 ? #","nextCursor":"\#(page + 1)""# : ""
            connection.answer(200, FakeMCP.result(request.rpcID, #"{"tools":[{"name":"t\#(page)"}]\#(next)}"#))
        }
        #expect(readiness.tools == ["t0", "t1", "t2", "t3", "t4"])
    }

    @Test("pages without end are a fault")
    func endlessPages() async {
        let same = await reason { request, connection in
            connection.answer(200, FakeMCP.result(request.rpcID, #"{"tools":[],"nextCursor":"x"}"#))
        }
        #expect(same == "tools/list: the same page comes again")
        let endless = await reason { request, connection in
            let cursor = (request.json["params"] as? [String: Any])?["cursor"] as? String ?? ""
            connection.answer(200, FakeMCP.result(request.rpcID, #"{"tools":[],"nextCursor":"\#(cursor)x"}"#))
        }
        #expect(endless == "tools/list: more than 64 pages")
    }

    @Test("a status without JSON-RPC is given as it is", arguments: [302, 404, 500, 502])
    func status(status: Int) async {
        let reason = await reason { _, connection in connection.answer(status, "<html>", type: "text/html") }
        #expect(reason == "tools/list: HTTP \(status)")
    }

    @Test("what is not JSON is quoted in one bounded line")
    func notJSON() async {
        let reason = await reason { _, connection in
            connection.answer(200, "<html>\n\u{1B}[2J" + String(repeating: "z", count: 5000), type: "text/html")
        }
        #expect(reason.hasPrefix("tools/list: not JSON: <html> [2Jzzz"))
        #expect(reason.count < 250)
    }

    @Test("answers that are not ours are refused")
    func notOurs() async {
        let cases: [(String, String)] = [
            (#"{"jsonrpc":"2.0","id":99,"result":{}}"#, "the answer is for request 99, not for 100"),
            (#"{"jsonrpc":"2.0","id":"100","result":{}}"#, "the answer is for request \"100\", not for 100"),
            (#"{"jsonrpc":"2.0","result":{}}"#, "the answer is for request none, not for 100"),
            (#"[{"jsonrpc":"2.0","id":100,"result":{}}]"#, "a JSON-RPC batch instead of one answer"),
            (#"{"id":100,"result":{}}"#, #"not JSON-RPC 2.0: {"id":100,"result":{}}"#),
            (#"{"jsonrpc":"2.0","id":100}"#, #"neither result nor error: {"jsonrpc":"2.0","id":100}"#),
            (#"{"jsonrpc":"2.0","method":"ping","id":100}"#, "a request or notification instead of an answer"),
            (#"{"jsonrpc":"2.0","id":100,"error":"x"}"#, "a JSON-RPC error without a code"),
            (#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse"}}"#, "JSON-RPC error -32700: parse"),
            (#"{"jsonrpc":"2.0","id":100,"result":{}}"#, "no list of tools"),
            (#"{"jsonrpc":"2.0","id":100,"result":{"tools":[{}]}}"#, "a tool without a name"),
            (
                #"{"jsonrpc":"2.0","id":100,"result":{"resultType":"input_required","tools":[]}}"#,
                "result is input_required instead of complete"
            ),
        ]
        for (body, expected) in cases {
            let reason = await reason { _, connection in connection.answer(200, body) }
            #expect(reason == "tools/list: " + expected)
        }
    }

    @Test("a body without end is cut at the limit, as JSON and as events")
    func hugeBody() async {
        for type in ["application/json", "text/event-stream"] {
            let reason = await reason(timeout: 30) { _, connection in
                connection.send("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\n\r\n")
                let chunk = [UInt8](repeating: UInt8(ascii: " "), count: 65536)
                for _ in 0..<200 { connection.send(chunk) }
            }
            #expect(reason == "tools/list: the answer is longer than 4 MiB")
        }
    }

    @Test("a drip of bytes that never ends does not stretch the time limit")
    func slowDrip() async {
        let reason = await reason(timeout: 0.5) { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
            // Ends only because the probe hung up.
            while connection.send(" ") { usleep(20_000) }
        }
        #expect(reason == "no answer within 500ms")
    }

    @Test("a server that dies in the middle of its answer is said to have closed the connection")
    func diesMidAnswer() async {
        let reason = await reason { _, connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"json")
        }
        #expect(reason == "the server closed the connection without an answer")
        let silent = await self.reason { _, _ in }
        #expect(silent == "the server closed the connection without an answer")
    }

    @Test("what is not HTTP is said so")
    func notHTTP() async {
        let reason = await reason { _, connection in connection.send("SSH-2.0-OpenSSH_9\r\n") }
        #expect(reason == "not HTTP")
    }
}
