import Fleet
import Foundation
import Rendering
import Testing

@testable import Edge

@Suite(
    "Traffic through a real nginx (real parts)", .serialized,
    .enabled(if: ProcessInfo.processInfo.environment["CONVOY_PARTS"] != nil))
struct EdgeTrafficTests {
    let initialize = EdgeLab.Call(body: #"{"method":"initialize"}"#)

    @Test("credentials, cookies, origin and forged headers never reach an instance")
    func nothingLeaks() async throws {
        try await withEdgeLab { (lab) async throws in
            var call = EdgeLab.Call().with("Cookie", "id=cookie-secret").with("Origin", "https://origin.example")
            for name in ["X-Convoy-Secret", "X-Convoy-Subject", "X-Convoy-Group", "X-Convoy-Pool", "Forwarded"] {
                call = call.with(name, "forged")
            }
            call = call.with("Mcp-Param-Region", "eu")
            call.path += "?a=1"
            let answer = try lab.call(call)
            #expect(answer.status == 200)
            for word in ["Bearer", "good", "cookie-secret", "origin.example", "forged"] {
                #expect(!answer.body.contains(word), "\(word) in \(answer.body)")
            }
            #expect(answer.body.contains(#"["Host", "127.0.0.1"]"#))
            #expect(answer.body.contains(#"["Mcp-Param-Region", "eu"]"#))
            #expect(answer.json["path"] as? String == "/mcp")
        }
    }

    @Test("no token reaches a log, not even from a URL, and no query either")
    func logsAreClean() async throws {
        try await withEdgeLab { (lab) async throws in
            var inQuery = EdgeLab.Call()
            inQuery.path += "?access_token=query-secret"
            #expect(try lab.call(inQuery).status == 400)
            lab.kill("gate")
            var plain = EdgeLab.Call()
            plain.headers = [["Authorization", "Bearer header-secret"]]
            #expect(try lab.call(plain).status == 503)
            let logs = [
                try await lab.accessLog(with: #""pool":"analytics""#),
                try String(contentsOfFile: "\(lab.logs)/error.log", encoding: .utf8),
            ]
            #expect(!logs.joined().contains("secret"), "\(logs)")
        }
    }

    @Test("401 and 403 carry exactly one challenge")
    func challenges() async throws {
        try await withEdgeLab { (lab) async throws in
            let missing = try lab.call(EdgeLab.Call(headers: []))
            #expect(missing.status == 401)
            #expect(missing.values("WWW-Authenticate") == [#"Bearer error="e401", scope="mcp:analytics""#])
            try lab.gate("403 scope")
            let forbidden = try lab.call()
            #expect(forbidden.status == 403)
            #expect(forbidden.values("WWW-Authenticate") == [#"Bearer error="e403", scope="mcp:analytics""#])
            #expect(forbidden.values("Mcp-Session-Id").isEmpty)
            let twice = try lab.call(EdgeLab.Call().with("Authorization", "Bearer good"))
            #expect(twice.status == 400)
        }
    }

    @Test("sessions stay with their instance; a neighbour answers 404 for a dead one; other sessions go on")
    func affinity() async throws {
        try await withEdgeLab { (lab) async throws in
            let sessions = try lab.calls(Array(repeating: initialize, count: 9)).map { answer in
                (id: answer.values("Mcp-Session-Id").first ?? "", instance: answer.instance ?? "")
            }
            #expect(Set(sessions.map(\.instance)) == ["a1", "a2", "a3"])
            for session in sessions {
                #expect(session.id.hasPrefix(session.instance + "."))
                let again = try lab.calls([EdgeLab.Call(times: 3).with("Mcp-Session-Id", session.id)])
                #expect(again.allSatisfy { $0.status == 200 && $0.instance == session.instance })
                #expect(again.allSatisfy { $0.values("Mcp-Session-Id") == [session.id] })
            }
            lab.kill("a2")
            for session in sessions {
                let answer = try lab.call(EdgeLab.Call().with("Mcp-Session-Id", session.id))
                #expect(answer.status == (session.instance == "a2" ? 404 : 200))
                #expect(answer.instance != "a2")
            }
        }
    }

    @Test("the access log tells an instance that nobody reached from one that took the call")
    func unreached() async throws {
        try await withEdgeLab { (lab) async throws in
            #expect(try lab.call().status == 200)
            lab.kill("a2")
            for _ in 0..<9 { #expect(try lab.call().status == 200) }
            let log = try await lab.accessLog(with: #""upstreamStatus":"502, 200""#)
            let retried = log.split(separator: "\n").filter { $0.contains(#""upstreamStatus":"502, 200""#) }
            #expect(!retried.isEmpty)
            #expect(retried.allSatisfy { $0.contains(#""upstreamSent":"0, "#) }, "\(retried)")
            #expect(!log.split(separator: "\n").contains { $0.contains(#""upstreamSent":"0""#) })
        }
    }

    @Test("the tag of a slot that is not configured, or no tag at all, ends at the active colour's 404")
    func foreignSessions() async throws {
        try await withEdgeLab { (lab) async throws in
            for id in ["a9.deadbeef", "b7.deadbeef", "deadbeef", "a1.", "A1.x", "a1.x.y", "../a1"] {
                let answer = try lab.call(EdgeLab.Call().with("Mcp-Session-Id", id))
                #expect(answer.status == 404 && answer.instance?.hasPrefix("a") == true, "\(id): \(answer)")
            }
        }
    }

    @Test("a tag that the gate does not honour goes to the active colour, although its own slot listens")
    func unhonouredTag() async throws {
        try await withEdgeLab { (lab) async throws in
            let session = try lab.call(initialize).values("Mcp-Session-Id").first ?? ""
            #expect(session.hasPrefix("a"))
            let call = EdgeLab.Call().with("Mcp-Session-Id", session)
            // Draining: the other colour is active, and old sessions are still honoured.
            try lab.gate("204 analytics_b a1,a2,a3")
            #expect(try lab.call(call).status == 200)
            for answer in ["204 analytics_b -", "204 analytics_b b1,b2", "204 analytics_b"] {
                try lab.gate(answer)
                let lost = try lab.call(call)
                #expect(lost.status == 404 && lost.instance?.hasPrefix("b") == true, "\(answer): \(lost)")
            }
            // A generation that was never proved: its port listens, the gate does not name it.
            try lab.gate("204 analytics_a a1,a2,a3")
            for tag in ["b1", "b2"] {
                let forged = try lab.calls([EdgeLab.Call(times: 5).with("Mcp-Session-Id", "\(tag).x")])
                #expect(forged.allSatisfy { $0.status == 404 && $0.instance?.hasPrefix("a") == true }, "\(forged)")
            }
        }
    }

    @Test("a client can't name a session's group itself, and the gate can't name one of another pool")
    func forgedSessionGroup() async throws {
        try await withEdgeLab { (lab) async throws in
            let forged = EdgeLab.Call(times: 5).with("X-Convoy-Session-Group", "analytics_b1")
            #expect(try lab.calls([forged]).allSatisfy { $0.instance?.hasPrefix("a") == true })
            #expect(try !lab.call(forged).body.contains("analytics_b1"))
            try lab.gate("204 analytics_a a9,b7")
            for id in ["a9.x", "b7.x"] {
                let answer = try lab.call(EdgeLab.Call().with("Mcp-Session-Id", id))
                #expect(answer.status == 404 && answer.instance?.hasPrefix("a") == true, "\(id): \(answer)")
            }
        }
    }

    @Test("a pool's header secret is sent to its instances, whatever the client sends, and is in no other file")
    func headerSecret() async throws {
        try await withEdgeLab { (lab) async throws in
            let none = try lab.call(EdgeLab.Call().with("X-Convoy-Secret", "forged"))
            #expect(!none.body.lowercased().contains("x-convoy-secret"))
            // Names that are words of nginx's must not become everybody's secret.
            let secrets = try [("analytics", "s3-cret"), ("default", "0ther"), ("include", "0ther")].map {
                try EdgeRenderer.headerSecret(Secret($0.1), of: $0.0)
            }
            #expect(try await lab.edge.install(try EdgeRenderer.render(lab.plan) + secrets))
            lab.signalEdge(SIGHUP)
            var seen = ""
            for _ in 0..<200 where !seen.contains(#""s3-cret""#) {
                seen = (try? lab.call(EdgeLab.Call().with("X-Convoy-Secret", "forged")).body) ?? ""
            }
            #expect(seen.contains(#""s3-cret""#) && !seen.contains("0ther") && !seen.contains("forged"))
            let rendered = try String(contentsOfFile: lab.root + "/edge/current/nginx.conf", encoding: .utf8)
            let logs = try ["access", "error"].map {
                try String(contentsOfFile: "\(lab.logs)/\($0).log", encoding: .utf8)
            }
            #expect(!(rendered + logs.joined()).contains("s3-cret"))
        }
    }

    @Test("with a whole colour dead its sessions get the active colour's 404")
    func deadColour() async throws {
        try await withEdgeLab { (lab) async throws in
            let session = try lab.call(initialize).values("Mcp-Session-Id").first ?? ""
            for tag in ["a1", "a2", "a3"] { lab.kill(tag) }
            let nobody = try lab.call()
            #expect(nobody.status == 503 && nobody.values("Retry-After") == ["1"])
            for honoured in ["", " a1,a2,a3"] {
                try lab.gate("204 analytics_b" + honoured)
                let answer = try lab.call(EdgeLab.Call(body: #"{"pad":"xxxxxxxxxx"}"#).with("Mcp-Session-Id", session))
                #expect(answer.status == 404 && answer.instance?.hasPrefix("b") == true, "\(answer)")
            }
        }
    }

    @Test("with one slot's port closed none of 300 calls fails")
    func deadSlot() async throws {
        try await withEdgeLab { (lab) async throws in
            lab.kill("a2")
            let answers = try lab.calls([EdgeLab.Call(times: 300)])
            #expect(answers.count == 300 && answers.allSatisfy { $0.status == 200 })
            #expect(Set(answers.compactMap(\.instance)) == ["a1", "a3"])
        }
    }

    @Test("a flip is the gate's next answer: no reload, calls in flight end where they began")
    func flip() async throws {
        try await withEdgeLab { (lab) async throws in
            let inFlight = try lab.begin([EdgeLab.Call(body: #"{"method":"stream","pause":0.7}"#, announce: true)])
            lab.firstBytes(of: inFlight)
            #expect(try lab.call().instance?.hasPrefix("a") == true)
            try lab.gate("204 analytics_b")
            let after = try lab.calls([EdgeLab.Call(times: 20)])
            #expect(after.allSatisfy { $0.status == 200 && $0.instance?.hasPrefix("b") == true })
            let streamed = try lab.finish(inFlight)[0]
            #expect(streamed.status == 200 && streamed.body.contains("data: last a"))
        }
    }

    @Test("the first event of a stream arrives before the instance has finished", arguments: ["POST", "GET"])
    func streams(_ method: String) async throws {
        try await withEdgeLab { (lab) async throws in
            let answer = try lab.call(EdgeLab.Call(method: method, body: #"{"method":"stream","pause":0.3}"#))
            #expect(answer.status == 200 && answer.body.contains("data: last"))
            #expect(answer.seconds > 0.55 && answer.secondsToFirst < answer.seconds - 0.4, "\(answer)")
        }
    }

    @Test("without a gate, or with a gate that answers nonsense, nobody is let in", arguments: [true, false])
    func gateGone(_ isDead: Bool) async throws {
        try await withEdgeLab { (lab) async throws in
            if isDead { lab.kill("gate") } else { try lab.gate("302 analytics_a") }
            let answers = try lab.calls([EdgeLab.Call(times: 20)])
            #expect(answers.allSatisfy { $0.status == 503 && $0.values("Retry-After") == ["1"] })
            #expect(answers.allSatisfy { $0.json["jsonrpc"] as? String == "2.0" })
        }
    }

    @Test(
        "a group that the gate made up, or another pool's, serves nobody",
        arguments: ["convoy_none", "x_a", "127.0.0.1"])
    func madeUpGroup(_ group: String) async throws {
        try await withEdgeLab { (lab) async throws in
            try lab.gate("204 " + group)
            #expect(try lab.call().status == 503)
        }
    }

    @Test("resource metadata is at all three places, without a token")
    func metadata() async throws {
        try await withEdgeLab { (lab) async throws in
            let place = "/.well-known/oauth-protected-resource"
            for path in [place, place + "/analytics/mcp", "/analytics/mcp" + place] {
                let answer = try lab.call(EdgeLab.Call(method: "GET", path: path, headers: [], body: nil))
                #expect(answer.status == 200 && answer.values("Content-Type") == ["application/json"])
                #expect(answer.json["resource"] as? String == lab.plan.edge.url + "/analytics/mcp")
                #expect(answer.json["scopes_supported"] as? [String] == ["mcp:analytics"])
                #expect((answer.json["authorization_servers"] as? [String])?.isEmpty == false)
            }
        }
    }

    @Test("other paths, methods and oversized bodies get small JSON answers")
    func refusals() async throws {
        try await withEdgeLab { (lab) async throws in
            for path in ["/", "/analytics", "/analytics/mcp/", "/other/mcp", "/_gate", "/analytics/mcp/x"] {
                let answer = try lab.call(EdgeLab.Call(path: path))
                #expect(answer.status == 404 && answer.json["error"] != nil, "\(path): \(answer)")
            }
            let put = try lab.call(EdgeLab.Call(method: "PUT"))
            #expect(put.status == 405 && put.values("Allow") == ["POST, GET, DELETE"])
            let big = try lab.call(EdgeLab.Call(body: String(repeating: "x", count: 4 * 1024 * 1024 + 1)))
            #expect(big.status == 413 && big.json["error"] != nil)
            let fits = try lab.call(EdgeLab.Call(body: #"{"x":""# + String(repeating: "x", count: 1_000_000) + #""}"#))
            #expect(fits.status == 200 && fits.json["length"] as? Int == 1_000_008)
        }
    }
}
