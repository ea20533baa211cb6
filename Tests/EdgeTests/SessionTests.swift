import Fleet
import Foundation
import Rendering
import Testing

@testable import Edge

@Suite(
    "The gate learns whose a session is (real parts)", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct SessionTests {
    let initialize = EdgeLab.Call(body: #"{"method":"initialize"}"#)
    let modern = EdgeLab.Call().with("MCP-Protocol-Version", "2026-07-28")

    @Test("every session is told to the gate, as the client will name it, before the client has the answer")
    func told() async throws {
        try await withEdgeLab { (lab) async throws in
            for round in 1...10 {
                let answer = try lab.call(initialize)
                let told = lab.registered()
                #expect(answer.status == 200 && told.count == round)
                #expect(told.last?["Mcp-Session-Id"] == answer.values("Mcp-Session-Id").first)
                #expect(told.last?["X-Convoy-Owner"] == "0123456789abcdef0123456789abcdef")
                #expect(told.last?["X-Convoy-Pool"] == "analytics" && told.last?["Authorization"] == nil)
            }
            #expect(lab.registered().allSatisfy { ($0["Mcp-Session-Id"] ?? "").hasPrefix("a") })
        }
    }

    @Test("of many at once none is missed and none told twice")
    func manyAtOnce() async throws {
        try await withEdgeLab { (lab) async throws in
            let clients = try (0..<8).map { _ in
                try lab.begin([EdgeLab.Call(body: #"{"method":"initialize"}"#, times: 20)])
            }
            let ids = try clients.flatMap { try lab.finish($0) }.flatMap { $0.values("Mcp-Session-Id") }
            let told = lab.registered().compactMap { $0["Mcp-Session-Id"] }
            #expect(ids.count == 160 && Set(ids).count == 160 && ids.sorted() == told.sorted())
        }
    }

    @Test("requests with a session, modern ones, refused ones and answers without an id tell the gate nothing")
    func silent() async throws {
        try await withEdgeLab { (lab) async throws in
            let session = try lab.call(initialize).values("Mcp-Session-Id").first ?? ""
            #expect(lab.registered().count == 1)
            let opening = modern.with("Mcp-Session-Id", session)
            var modernInitialize = modern
            modernInitialize.body = #"{"method":"initialize"}"#
            let held = EdgeLab.Call().with("Mcp-Session-Id", session)
            let answers = try lab.calls([held, opening, modern, modernInitialize, EdgeLab.Call()])
            #expect(answers.allSatisfy { $0.status == 200 })
            #expect(answers[0].values("Mcp-Session-Id") == [session])
            #expect(answers.dropFirst().allSatisfy { $0.values("Mcp-Session-Id").isEmpty })
            try lab.gate("403 scope")
            #expect(try lab.call(initialize).status == 403)
            #expect(lab.registered().count == 1)
        }
    }

    @Test(
        "a gate that fails or says nothing delays the answer by a second at most, and adds nothing to it",
        arguments: [".deaf", ".broken"])
    func gateFails(_ fault: String) async throws {
        try await withEdgeLab { (lab) async throws in
            try "".write(toFile: lab.root + "/answer" + fault, atomically: true, encoding: .utf8)
            let answer = try lab.call(initialize)
            #expect(answer.status == 200 && answer.json["name"] != nil && answer.seconds < 3)
            #expect(answer.values("Mcp-Session-Id").count == 1)
        }
    }

    @Test("an answer's head and a stream's first event are not held back by what opens a session")
    func streams() async throws {
        try await withEdgeLab { (lab) async throws in
            let answer = try lab.call(EdgeLab.Call(body: #"{"method":"stream","pause":0.3}"#))
            #expect(answer.status == 200 && answer.body.hasPrefix("data: first") && answer.body.contains("data: last"))
            #expect(answer.secondsToFirst < answer.seconds - 0.4, "\(answer)")
        }
    }

    @Test("an id that the gate makes is what instance and client are told, and stays it, whoever answers")
    func gateMakesIds() async throws {
        try await withEdgeLab { (lab) async throws in
            try "".write(toFile: lab.root + "/any-session", atomically: true, encoding: .utf8)
            try lab.gate("204 analytics_a new=made-by-the-gate")
            let opened = try lab.call(initialize)
            #expect(opened.status == 200 && opened.values("Mcp-Session-Id") == ["made-by-the-gate"])
            #expect(opened.body.contains(#"["Mcp-Session-Id", "made-by-the-gate"]"#))
            #expect(lab.registered().map { $0["Mcp-Session-Id"] } == ["made-by-the-gate"])
            let again = try lab.call(EdgeLab.Call(times: 6).with("Mcp-Session-Id", "made-by-the-gate"))
            #expect(again.status == 200 && again.values("Mcp-Session-Id") == ["made-by-the-gate"])
            #expect(lab.registered().count == 1)
        }
    }

    @Test("modern requests have no session: theirs reaches neither gate nor instance; GET and DELETE are not served")
    func modernEra() async throws {
        try await withEdgeLab { (lab) async throws in
            let answer = try lab.call(modern.with("Mcp-Session-Id", "a1.stranger"))
            #expect(answer.status == 200 && !answer.body.contains("stranger"))
            #expect(lab.lastAsked()["Mcp-Session-Id"] == nil)
            #expect(lab.lastAsked()["MCP-Protocol-Version"] == "2026-07-28")
            for method in ["GET", "DELETE"] {
                var call = modern
                call.method = method
                let refused = try lab.call(call)
                #expect(refused.status == 405 && refused.values("Allow") == ["POST"])
            }
            for version in ["2025-11-25", "2026-07-27", "2026-7-28", "x2026-07-28", "2026-07-28x", ""] {
                var call = EdgeLab.Call(method: "DELETE", body: nil).with("MCP-Protocol-Version", version)
                call = call.with("Mcp-Session-Id", "a1.x")
                let answer = try lab.call(call)
                #expect(answer.status == 404, "\(version): \(answer)")
            }
            for version in ["2026-08-01", "2026-12-31", "2027-01-01", "2030-02-02", "3000-01-01"] {
                var call = EdgeLab.Call().with("MCP-Protocol-Version", version)
                call.method = "GET"
                #expect(try lab.call(call).status == 405, "\(version)")
            }
        }
    }

    @Test("the gate's word makes the answer: 404 for a session, 429 with its wait, 403 for all else")
    func words() async throws {
        try await withEdgeLab { (lab) async throws in
            for (word, status) in [("session", 404), ("rate", 429), ("tool", 403), ("client", 403), ("origin", 403)] {
                try lab.gate("403 " + word)
                let answer = try lab.call(EdgeLab.Call().with("Mcp-Session-Id", "a1.x"))
                #expect(answer.status == status && answer.json["error"] != nil, "\(word): \(answer)")
                #expect(answer.values("Retry-After") == (status == 429 ? ["7"] : []))
            }
        }
    }

    @Test("another name than edge.url's is answered 421, by Host and by request line, before anything is asked")
    func hostPinned() async throws {
        try await withEdgeLab { (lab) async throws in
            let own = "127.0.0.1:\(lab.plan.edge.listen.port)"
            #expect(try lab.call(EdgeLab.Call().with("Host", own)).status == 200)
            for host in [
                "evil.example", "evil.example:\(lab.plan.edge.listen.port)", "127.0.0.1", "localhost", own + ".evil",
            ] {
                let answer = try lab.call(EdgeLab.Call().with("Host", host))
                #expect(answer.status == 421 && answer.json["error"] != nil, "\(host): \(answer)")
            }
            var metadata = EdgeLab.Call(path: "/.well-known/oauth-protected-resource").with("Host", "evil.example")
            metadata.method = "GET"
            #expect(try lab.call(metadata).status == 421)
            var absolute = EdgeLab.Call().with("Host", own)
            absolute.path = "http://evil.example/analytics/mcp"
            #expect(try lab.call(absolute).status == 421)
        }
    }

    @Test("a pool's own limit of bodies holds, and the gate is told the client's address")
    func limits() async throws {
        let lab = try EdgeLab()
        defer { lab.stop() }
        lab.plan.pools[0].bodyLimit = 1000
        try await lab.start()
        let fits = EdgeLab.Call(body: #"{"x":""# + String(repeating: "x", count: 900) + #""}"#)
        let big = EdgeLab.Call(body: #"{"x":""# + String(repeating: "x", count: 1000) + #""}"#)
        #expect(try lab.call(fits).status == 200)
        #expect(try lab.call(big).status == 413)
        #expect(lab.lastAsked()["X-Convoy-Client"] == "127.0.0.1")
    }
}
