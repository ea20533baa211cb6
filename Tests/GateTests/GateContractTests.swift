import Fleet
import Foundation
import Testing

@testable import Gate

@Suite("The gate's contract with the edge")
struct GateContractTests {
    @Test("a good token is admitted with group and subject, over one connection again and again")
    func admits() async throws {
        try await GateFixture.with { fixture in
            let client = try UnixClient(fixture.socket)
            let token = try fixture.token()
            for _ in 0..<3 {
                try client.send(GateFixture.request(token: token))
                let answer = try await client.answer()
                #expect(answer?.status == 204)
                #expect(answer?.headers["x-convoy-group"] == "analytics_a")
                #expect(answer?.headers["x-convoy-subject"] == "ada")
            }
        }
    }

    @Test("no token, two headers, a token in the query, and a token too large are challenged")
    func presentation() async throws {
        try await GateFixture.with { fixture in
            let token = try fixture.token()
            #expect(try await fixture.ask(GateFixture.request(token: token))?.status == 204)
            let bare = try await fixture.ask(GateFixture.request(token: nil))
            #expect(bare?.status == 401)
            #expect(
                bare?.headers["www-authenticate"]
                    == "Bearer resource_metadata=\"https://mcp.example.com/.well-known/oauth-protected-resource/"
                    + "analytics/mcp\", scope=\"mcp:analytics\"")
            for more in [
                ["Authorization: Bearer \(token)"], ["X-Convoy-Query: access_token=\(token)"],
            ] {
                #expect(try await fixture.ask(GateFixture.request(token: token, more: more))?.status == 401)
            }
            let large = String(repeating: "a", count: 20_000)
            #expect(try await fixture.ask(GateFixture.request(token: large))?.status == 401)
        }
    }

    @Test("foreign origins and unknown pools are forbidden, other paths and methods are not found")
    func refusals() async throws {
        try await GateFixture.with { fixture in
            let token = try fixture.token()
            let foreign = try await fixture.ask(
                GateFixture.request(token: token, more: ["Origin: https://evil.example"]))
            #expect(foreign?.status == 403)
            #expect(foreign?.headers["x-convoy-reason"] == "origin")
            let own = try await fixture.ask(
                GateFixture.request(token: token, more: ["Origin: https://mcp.example.com"]))
            #expect(own?.status == 204)
            #expect(try await fixture.ask(GateFixture.request(token: token, pool: "nobody"))?.status == 403)
            let twoPools = GateFixture.request(token: token, more: ["X-Convoy-Pool: billing"])
            #expect(try await fixture.ask(twoPools)?.status == 403)
            for line in ["GET /", "GET /authorize/x", "GET /authorize?a=b", "POST /authorize", "HEAD /authorize"] {
                let request = GateFixture.request(token: token).replacing("GET /authorize", with: line)
                #expect(try await fixture.ask(request)?.status == 404, "\(line)")
            }
        }
    }

    @Test("a control character in a header of the client's is its own refusal, and the connection goes on")
    func malformed() async throws {
        try await GateFixture.with { fixture in
            let client = try UnixClient(fixture.socket)
            let token = try fixture.token()
            for line in ["Authorization: Bearer \u{1}\(token)", "Origin: \u{7f}", "Mcp-Name: a\u{1b}[2J"] {
                try client.send(GateFixture.request(token: nil, more: [line]))
                let answer = try await client.answer()
                #expect(answer?.status == 403 && answer?.headers["x-convoy-reason"] == "malformed", "\(line)")
                try client.send(GateFixture.request(token: token))
                #expect(try await client.answer()?.status == 204)
            }
        }
    }

    @Test("pipelined requests are answered in their order")
    func pipelining() async throws {
        try await GateFixture.with { fixture in
            let good = GateFixture.request(token: try fixture.token())
            let bare = GateFixture.request(token: nil)
            let foreign = GateFixture.request(token: nil, more: ["Origin: null"])
            let client = try UnixClient(fixture.socket)
            try client.send(String(repeating: good + bare + foreign, count: 30))
            for _ in 0..<30 {
                #expect(try await client.answer()?.status == 204)
                #expect(try await client.answer()?.status == 401)
                #expect(try await client.answer()?.status == 403)
            }
        }
    }

    @Test("a client that sends byte by byte is answered, and holds up nobody meanwhile")
    func slowClient() async throws {
        try await GateFixture.with { fixture in
            let request = GateFixture.request(token: try fixture.token())
            let slow = try UnixClient(fixture.socket)
            for (index, byte) in request.utf8.enumerated() {
                try slow.send([byte])
                if index % 50 == 0 { #expect(try await fixture.ask(request)?.status == 204) }
            }
            #expect(try await slow.answer()?.status == 204)
        }
    }

    @Test(
        "garbage ends its connection without an admission, and the gate goes on",
        arguments: [
            "\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n", "GET /authorize HTTP/9.9\r\n\r\n",
            "\r\n\r\nnonsense here\r\n\r\n",
            "GET /authorize HTTP/1.1\r\nX-Convoy-Pool analytics\r\n\r\n",
            "GET /authorize HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
            "GET /authorize HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ])
    func garbage(_ text: String) async throws {
        try await GateFixture.with { fixture in
            let client = try UnixClient(fixture.socket)
            try client.send(text)
            while let answer = try await client.answer() { #expect(answer.status >= 400) }
            #expect(try await client.isClosed())
            #expect(try await fixture.ask(GateFixture.request(token: try fixture.token()))?.status == 204)
        }
    }

    @Test("a head without end is cut off, however it is spread over fields")
    func endlessHead() async throws {
        try await GateFixture.with { fixture in
            let client = try UnixClient(fixture.socket)
            try client.send("GET /authorize HTTP/1.1\r\n")
            let line = "X-Filler: " + String(repeating: "a", count: 1000) + "\r\n"
            // The gate closes before all is sent: then sending fails, which is what we want.
            for _ in 0..<1000 { if (try? client.send(line)) == nil { break } }
            if let answer = try await client.answer() { #expect(answer.status == 400) }
            #expect(try await client.isClosed())
            let large = GateFixture.request(
                token: try fixture.token(), more: (0..<110).map { "X-\($0): " + String(repeating: "a", count: 1000) })
            #expect(try await fixture.ask(large)?.status == 403)
        }
    }

    @Test("nobody is admitted and all get 503 until there is a policy")
    func noPolicy() async throws {
        try await GateFixture.with(policy: false) { fixture in
            let request = GateFixture.request(token: try fixture.token())
            let health = "GET /healthz HTTP/1.1\r\nHost: gate\r\n\r\n"
            #expect(try await fixture.ask(request)?.status == 503)
            #expect(try await fixture.ask(health)?.status == 503)
            try fixture.write(revision: 3, active: .b)
            await fixture.server.reload()
            #expect(try await fixture.ask(request)?.headers["x-convoy-group"] == "analytics_b")
            #expect(try await fixture.ask(health)?.body == #"{"revision":3}"#)
        }
    }

    @Test("every decision is logged, and no token ever is")
    func audit() async throws {
        try await GateFixture.with { fixture in
            let token = try fixture.token()
            _ = try await fixture.ask(GateFixture.request(token: token))
            _ = try await fixture.ask(GateFixture.request(token: token + "AAAA", more: ["Mcp-Name: \"x\\"]))
            let text = await fixture.log.text()
            #expect(text.contains(#""requestId":"r-1","pool":"analytics","subject":"ada","decision":204,"reason":"""#))
            #expect(text.contains(#""decision":401,"reason":"the token's signature is wrong""#))
            #expect(!text.contains(token.suffix(40)) && !text.contains(token.prefix(40)))
            for line in text.split(separator: "\n") {
                #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
            }
        }
    }
}
