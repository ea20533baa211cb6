import Fleet
import Foundation
import Ports
import Testing

@testable import Probes

@Suite("MCPProber canary and liveness")
struct CanaryTests {
    private let spec = CanarySpec(tool: "find café", arguments: .object(["limit": .integer(1)]))

    @Test("texts and structured content come back, in both eras", arguments: Era.allCases)
    func answer(era: Era) async throws {
        let fake = FakeMCP()
        try await withFake(fake) { prober, server in
            let answer = try await prober.canary(ProbePlan(server, canary: spec), era: era)
            #expect(answer == CanaryAnswer(text: "hello\nworld\n{\"n\":1}"))
            #expect(fake.openSessions.isEmpty)
            let call = server.requests.first { $0.rpcMethod == "tools/call" }
            let params = call?.json["params"] as? [String: Any]
            #expect(params?["name"] as? String == "find café")
            #expect((params?["arguments"] as? [String: Int]) == ["limit": 1])
            let header = "=?base64?\(Data("find café".utf8).base64EncodedString())?="
            #expect(call?.headers["mcp-name"] == (era == .modern ? header : nil))
        }
    }

    @Test("a plain tool name travels as it is")
    func headerText() {
        #expect(HeaderText.encoded("list-databases") == "list-databases")
        #expect(HeaderText.encoded(" x").hasPrefix("=?base64?"))
        #expect(HeaderText.encoded("=?base64?eA==?=").hasPrefix("=?base64?PT"))
        #expect(HeaderText.encoded("a\nb").hasPrefix("=?base64?"))
    }

    @Test("a tool's error and a JSON-RPC error are answers to judge", arguments: [200, 404])
    func errors(status: Int) async throws {
        let fake = FakeMCP { request, connection in
            guard request.rpcMethod == "tools/call" else { return false }
            connection.answer(status, FakeMCP.error(request.rpcID, -32603, "cannot find"))
            return true
        }
        try await withFake(fake) { prober, server in
            let answer = try await prober.canary(ProbePlan(server, canary: spec), era: .legacy)
            #expect(answer.error == "JSON-RPC error -32603: cannot find")
            #expect(fake.openSessions.isEmpty)
        }
        let tool = FakeMCP { request, connection in
            guard request.rpcMethod == "tools/call" else { return false }
            let body = #"{"isError":true,"content":[{"type":"text","text":"no"}]}"#
            connection.answer(200, FakeMCP.result(request.rpcID, body))
            return true
        }
        try await withFake(tool) { prober, server in
            let answer = try await prober.canary(ProbePlan(server, canary: spec), era: .modern)
            #expect(answer == CanaryAnswer(isError: true, text: "no"))
        }
    }

    @Test("a call that hangs is a fault within the probe's time")
    func hangs() async throws {
        let fake = FakeMCP { request, connection in
            guard request.rpcMethod == "tools/call" else { return false }
            connection.waitForClose()
            return true
        }
        try await withFake(fake) { prober, server in
            await #expect(throws: ProbeFault("no answer within 300ms")) {
                try await prober.canary(ProbePlan(server, timeout: 0.3, canary: spec), era: .modern)
            }
        }
    }

    @Test("liveness is a success status and nothing else", arguments: [(200, nil), (204, nil), (503, "HTTP 503")])
    func liveness(status: Int, expected: String?) async throws {
        let fake = FakeMCP { request, connection in
            connection.answer(status, "", headers: ["X-Path: \(request.path)"])
            return true
        }
        try await withFake(fake) { prober, server in
            let url = "http://127.0.0.1:\(server.port)/health"
            #expect(await prober.liveness(ProbePlan(server, liveness: url)) == expected)
            #expect(server.requests.map(\.path) == ["/health"])
            #expect(await prober.liveness(ProbePlan(server)) == nil)
        }
    }
}

@Suite("ServerSentEvents")
struct ServerSentEventsTests {
    @Test("events are the same however the bytes are cut")
    func cuts() {
        let stream = Array(
            "\u{FEFF}data: a\r\rdata:b\ndata\ndata:  c\n\n:x\nid: 1\r\n\r\ndata: d\r\n\r\ndata: lost".utf8)
        let expected = ["a", "b\n\n c", "d"]
        for size in 1...stream.count {
            var events = ServerSentEvents()
            var found: [String] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                let piece = stream[start..<min(start + size, stream.count)]
                found += events.append(piece).map { String(decoding: $0, as: UTF8.self) }
            }
            #expect(found == expected)
        }
    }
}

@Suite("ToolList")
struct ToolListTests {
    private func digest(_ tools: String) throws -> Fleet.Digest {
        var list = ToolList()
        _ = try list.add(page: try RPCMessage.parse(Array(#"{"tools":\#(tools)}"#.utf8)))
        return try list.digest()
    }

    @Test("order and what no client sees do not change the digest; what a client sees does")
    func canonical() throws {
        let base = try digest(#"[{"name":"a","inputSchema":{"x":1,"y":2}},{"name":"b"}]"#)
        #expect(try digest(#"[{"name":"b","_meta":{"z":1}},{"inputSchema":{"y":2,"x":1},"name":"a"}]"#) == base)
        #expect(try digest(#"[{"name":"b","description":null},{"name":"a","inputSchema":{"y":2,"x":1}}]"#) == base)
        #expect(try digest(#"[{"name":"b","description":"d"},{"name":"a","inputSchema":{"y":2,"x":1}}]"#) != base)
        #expect(try digest(#"[{"name":"b"},{"name":"a","inputSchema":{"y":2,"x":"1"}}]"#) != base)
        #expect(try digest("[]") != base)
    }
}
