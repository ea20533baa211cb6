import Fleet
import FoundationEssentials

/// A tool that must not be called is called in no way: an edge sees headers, the server the body.
enum ToolChecks {
    private static let transport = "MCP Transports 2026-07-28, Headers"
    private static let rule = "MCP Security Best Practices, Scope Minimization"

    private static func check(
        _ name: String, _ title: String, _ reference: String = transport, _ severity: Check.Severity = .must,
        run: @escaping @Sendable (Bench, ToolCall) async throws -> Void
    ) -> Check {
        Check("tools.\(name)", title, reference, severity, needs: [.key, .modern, .tool]) { bench in
            guard let tools = bench.target.tools else { return }
            try await run(bench, ToolCall(tools: tools, bench: bench))
        }
    }

    static let all: [Check] = plain + spelt + hidden + old

    private static let plain: [Check] = [
        check("others", "the rule about tools refuses no other message", rule) { bench, call in
            let request = bench.modern("tools/list", token: try bench.goodToken())
            try await bench.insist(request).must(be: 200, orElse: "tools/list was not served")
            guard let allowed = call.tools.allowed else { return }
            let reply = try await bench.insist(try call.request(header: allowed, body: allowed))
            if reply.status == 403 { throw reply.fault("the tool that may be called was refused") }
        },
        check("denied", "a call of a denied tool is answered 403", rule) { bench, call in
            try await bench.insist(try call.request()).must(be: 403, orElse: "the call was not answered 403")
        },
        check("denied-is-no-challenge", "such a 403 asks for no further scope", "RFC 6750 3.1", .should) {
            bench, call in
            let reply = try await bench.insist(try call.request()).must(
                be: 403, orElse: "the call was not answered 403")
            guard reply.challenges.allSatisfy({ $0["error"] != "insufficient_scope" }) else {
                throw reply.fault("it says insufficient_scope: its user is asked for consent in vain")
            }
        },
    ]

    private static let spelt: [Check] = [
        check("encoded", "a denied tool is known by its encoded name, too") { bench, call in
            let encoded = "=?base64?\(Data(call.tools.denied.utf8).base64EncodedString())?="
            for header in [encoded, encoded.uppercased(), encoded.replacing("=?=", with: "?=")] {
                try await call.mustNotHappen(try call.request(header: header), "an encoded Mcp-Name")
            }
        },
        check("spelling", "no other spelling of a denied tool's name is called") { bench, call in
            let name = call.tools.denied
            for other in [name.uppercased(), name.prefix(1).uppercased() + name.dropFirst(), name + " ", "\t" + name]
            where other != name {
                try await call.mustNotHappen(try call.request(header: other, body: other), "another spelling")
                try await call.mustNotHappen(try call.request(header: other), "another spelling in Mcp-Name")
            }
        },
        check("method-spelling", "no other spelling of tools/call calls it") { bench, call in
            for method in ["Tools/Call", "TOOLS/CALL", "tools/call ", "tools//call", "tools%2fcall"] {
                let request = try call.request().with("Mcp-Method", method)
                try await call.mustNotHappen(request, "Mcp-Method: \(method)")
            }
        },
    ]

    private static let hidden: [Check] = [
        check("name-hides", "an allowed Mcp-Name hides no denied tool in the body") { bench, call in
            try await call.mustNotHappen(try call.request(header: call.other), "Mcp-Name of another tool")
        },
        check("method-hides", "another Mcp-Method hides no call in the body") { bench, call in
            for method in ["tools/list", "ping", "server/discover", "notifications/initialized"] {
                let request = try call.request().with("Mcp-Method", method)
                try await call.mustNotHappen(request, "Mcp-Method: \(method)")
                try await call.mustNotHappen(request.with("Mcp-Name", nil), "Mcp-Method: \(method), no Mcp-Name")
            }
        },
        check("headers-missing", "without its headers nothing is called") { bench, call in
            let request = try call.request()
            try await call.mustNotHappen(request.with("Mcp-Name", nil), "no Mcp-Name")
            try await call.mustNotHappen(request.with("Mcp-Name", ""), "an empty Mcp-Name")
            try await call.mustNotHappen(request.with("Mcp-Method", nil), "no Mcp-Method")
            try await call.mustNotHappen(request.with("Mcp-Method", nil).with("Mcp-Name", nil), "neither header")
        },
        check("headers-twice", "of two headers none hides the other", "RFC 9110 5.3; \(transport)") { bench, call in
            let (denied, other) = (call.tools.denied, call.other)
            for names in [[denied, other], [other, denied]] {
                let request = names.reduce(try call.request().with("Mcp-Name", nil)) { $0.adding("Mcp-Name", $1) }
                try await call.mustNotHappen(request, "Mcp-Name twice: \(names.joined(separator: ", "))")
            }
            for methods in [["tools/call", "tools/list"], ["tools/list", "tools/call"]] {
                let request = methods.reduce(try call.request().with("Mcp-Method", nil)) { $0.adding("Mcp-Method", $1) }
                try await call.mustNotHappen(request, "Mcp-Method twice: \(methods.joined(separator: ", "))")
            }
        },
        check("name-twice", "of two names in the body none hides the other", "RFC 8259 4; \(transport)") {
            bench, call in
            guard call.tools.allowed == nil else {
                throw Skip("a server may rightly call the allowed one of both (try without --allowed-tool)")
            }
            for names in [[call.other, call.tools.denied], [call.tools.denied, call.other]] {
                let body = String(decoding: try call.request(body: names[0]).body, as: UTF8.self)
                let twice = body.replacing(
                    "\"name\":\"\(names[0])\"", with: "\"name\":\"\(names[0])\",\"name\":\"\(names[1])\"")
                try await call.mustNotHappen(
                    try call.request(header: call.other).body(twice), "two names in the body")
            }
        },
        check("batch", "a batch hides no call") { bench, call in
            let body = String(decoding: try call.request().body, as: UTF8.self)
            for method in ["tools/list", "tools/call"] {
                let request = try call.request(header: call.other).with("Mcp-Method", method).body("[\(body)]")
                try await call.mustNotHappen(request, "a batch, Mcp-Method: \(method)")
            }
        },
    ]

    private static let old: [Check] = [
        check("version", "no other protocol version makes the rule void") { _, call in
            try call.mustKeepLegacyOut()
            for versions in [
                [], [Survey.legacyVersion], ["2025-03-26"], ["2999-01-01"], ["2026-07-28 "], ["2026-07-27"],
                [Survey.modernVersion, Survey.legacyVersion], [Survey.legacyVersion, Survey.modernVersion],
            ] {
                let request = try call.request().with("MCP-Protocol-Version", nil)
                let shown = versions.isEmpty ? "no version" : "version \(versions.joined(separator: " and "))"
                let odd = versions.reduce(request) { $0.adding("MCP-Protocol-Version", $1) }
                try await call.mustNotHappen(odd, shown)
                try await call.mustNotHappen(odd.with("Mcp-Name", call.other), "\(shown), Mcp-Name of another tool")
            }
        },
        check("legacy", "nor does a legacy session", "MCP Transports 2025-11-25") { bench, call in
            try call.mustKeepLegacyOut()
            let token = try bench.goodToken()
            let opening = try await bench.insist(bench.initialize(token))
            guard opening.status == 200 else {
                return try opening.mustBeRefused("a legacy session")
            }
            let params: JSONValue = .object(["name": .string(call.tools.denied), "arguments": .object([:])])
            var request = bench.ping(session: opening.answer["Mcp-Session-Id"] ?? "", token)
                .body(Bench.message("tools/call", params))
            if opening.answer["Mcp-Session-Id"] == nil { request = request.with("Mcp-Session-Id", nil) }
            try await call.mustNotHappen(request, "a legacy session")
            try await call.mustNotHappen(
                request.adding("Mcp-Method", "tools/list"), "a legacy session, Mcp-Method: tools/list")
        },
    ]
}
