import Fleet

/// Rules of the modern protocol that an edge must not spoil, and those of old and unknown versions.
enum EraChecks {
    private static let transport = "MCP Transports 2026-07-28, Headers"

    private static func mismatch(_ name: String, _ title: String, _ edit: @escaping @Sendable (Request) -> Request)
        -> Check
    {
        Check("era.\(name)", "\(title) is 400 with code -32020", transport, needs: [.key, .modern]) { bench in
            let request = bench.modern(
                "tools/call", name: bench.target.tools?.allowed ?? "convoy-verify", params: ["arguments": .object([:])],
                token: try bench.goodToken())
            let reply = try await bench.send(edit(request).saying("POST tools/call, \(title)"))
            if reply.status == 403, bench.target.tools != nil { throw Skip("the rule about tools answers first") }
            guard reply.status == 400, reply.answer.json?["error"]?["code"]?.integerValue == -32020 else {
                throw reply.fault("it was not answered 400 with code -32020")
            }
        }
    }

    static let all: [Check] = [
        mismatch("method-mismatch", "Mcp-Method that differs from the body") { $0.with("Mcp-Method", "ping") },
        mismatch("name-mismatch", "Mcp-Name that differs from the body") { $0.with("Mcp-Name", "something-else") },
        mismatch("version-mismatch", "MCP-Protocol-Version that differs from the body") { request in
            request.body(
                String(decoding: request.body, as: UTF8.self).replacing(
                    Survey.modernVersion, with: Survey.legacyVersion))
        },
        mismatch("method-missing", "no Mcp-Method") { $0.with("Mcp-Method", nil) },
        Check(
            "era.unknown-method", "a method that does not exist is 404 with code -32601", transport,
            needs: [.key, .modern]
        ) { bench in
            let reply = try await bench.send(bench.modern("convoy/verify", token: bench.goodToken()))
            if reply.status == 200, reply.answer.json?["error"]?["code"]?.integerValue == -32000 {
                throw Skip("the server answered with an error of its own, such as a rate limit")
            }
            guard reply.status == 404, reply.answer.json?["error"]?["code"]?.integerValue == -32601 else {
                throw reply.fault("it was not answered 404 with code -32601")
            }
        },
        Check(
            "era.unsupported-version", "an unsupported version is 400 and says which are", transport,
            needs: [.key, .modern]
        ) { bench in
            let reply = try await bench.send(
                bench.modern("server/discover", version: "2999-01-01", token: bench.goodToken()))
            guard reply.status == 400, reply.answer.json?["error"]?["data"]?["supported"]?.arrayValue?.isEmpty == false
            else {
                throw reply.fault("it was not answered 400 with data.supported")
            }
        },
        Check(
            "era.no-session", "a modern answer hands out no session, and none is needed", transport,
            needs: [.key, .modern]
        ) { bench in
            let request = bench.discover(try bench.goodToken()).adding("Mcp-Session-Id", "convoy-verify-unknown")
            let reply = try await bench.send(request.saying("POST server/discover with an unknown Mcp-Session-Id"))
            try reply.must(be: 200, orElse: "a modern request with a session id was not served")
            guard reply.answer["Mcp-Session-Id"] == nil else { throw reply.fault("the answer has an Mcp-Session-Id") }
        },
        Check(
            "era.legacy-unsupported-version", "a legacy session with an unknown version is 400",
            "MCP Transports 2025-11-25, Protocol Version Header", .should, needs: [.key, .legacy, .sessions]
        ) { bench in
            let session = try await Session.open(bench)
            let request = bench.ping(session: session.id, session.token).with("MCP-Protocol-Version", "1999-01-01")
            try await bench.send(request.saying("POST in a session, MCP-Protocol-Version: 1999-01-01"))
                .must(be: 400, orElse: "an unknown version was not answered 400")
        },
        Check("era.odd-headers", "odd protocol headers fail nothing", transport, needs: [.key]) { bench in
            let values = ["=?base64?!!!?=", String(repeating: "x", count: 2000), "\u{7f}", "a\tb", "\"", "%00"]
            for value in values {
                let request = try bench.good().with("Mcp-Method", value).with("Mcp-Name", value).with(
                    "MCP-Protocol-Version", value)
                guard
                    let reply = try await bench.attempt(
                        request.saying("POST, good token, odd Mcp-Method, Mcp-Name and version"))
                else { continue }
                guard reply.status < 500 else { throw reply.fault("the edge failed") }
            }
        },
    ]
}
