/// Errors help an honest client and tell a dishonest one nothing.
enum LeakChecks {
    private static let reference = "OWASP API8; RFC 9110 17.12"

    /// One refusal of each kind that needs no token, and those that need one.
    private static func refusals(_ bench: Bench) async throws -> [Reply] {
        var requests = [
            bench.bare(), bench.opening("convoy.verify.bad").saying("POST with a bad token"),
            bench.get("/convoy-verify-nothing"), bench.bare().by("PUT").saying("PUT without a token"),
            bench.bare().adding("Host", "x").saying("POST with two Hosts"),
        ]
        if bench.lacks(.key) == nil {
            requests.append(
                try bench.good().with("Origin", "https://evil.example").saying("POST from a foreign origin"))
            requests.append(
                try bench.good().adding("Mcp-Session-Id", "a1.convoy-verify-unknown").saying(
                    "POST in an unknown session"))
        }
        var replies: [Reply] = []
        for request in requests { if let reply = try await bench.attempt(request) { replies.append(reply) } }
        return replies
    }

    static let all: [Check] = [
        Check("leaks.version", "no answer tells the software's version", reference) { bench in
            for reply in try await refusals(bench) {
                for name in ["Server", "X-Powered-By", "X-AspNet-Version", "Via"] {
                    for value in reply.answer.values(name)
                    where value.contains(where: \.isNumber) && !(name == "Via" && value.hasPrefix("1.1")) {
                        throw reply.fault("\(name): \(value)")
                    }
                }
            }
        },
        Check("leaks.error-bodies", "error bodies tell no path, address, trace or version", reference) { bench in
            let telling = [
                "/var/", "/etc/", "/usr/", "/run/", "/tmp/", "unix:", "127.0.0.1:", "Traceback", "nginx/", "at Object.",
                "goroutine", "upstream", ".py\"", "stack",
            ]
            for reply in try await refusals(bench) where !reply.answer.isServed {
                let body = reply.answer.text.replacing(bench.target.url.authority, with: "")
                if let found = telling.first(where: { body.contains($0) }) {
                    throw reply.fault("the body has \(found)")
                }
            }
        },
        Check("leaks.token-not-repeated", "no part of a token comes back", "RFC 6750 5.3", needs: [.key]) { bench in
            let token = try bench.needForge().token {
                $0.claims.set("aud", .string("https://convoy-verify-marker.example"))
            }
            let reply = try await bench.send(bench.opening(token).saying("POST with a token for another resource"))
            let all = reply.answer.headers.map(\.value).joined(separator: "\n") + reply.answer.text
            let parts = token.split(separator: ".").map { String($0.prefix(40)) } + ["convoy-verify-marker"]
            if parts.contains(where: { all.contains($0) }) {
                throw reply.fault("the answer repeats the token or a claim of it")
            }
        },
        Check("leaks.not-stored", "refusals are not stored by caches", "RFC 9111 5.2.2.5", .should) { bench in
            let reply = try await bench.send(bench.bare())
            guard reply.answer.values("Cache-Control").contains(where: { $0.contains("no-store") }) else {
                throw reply.fault("the 401 has no Cache-Control: no-store")
            }
        },
        Check(
            "leaks.instance", "a good answer tells nothing of the instance's address or secret", reference,
            needs: [.key]
        ) { bench in
            let reply = try await bench.send(bench.good())
            for header in reply.answer.headers {
                let name = header.name.lowercased()
                if name.hasPrefix("x-convoy-") || name.contains("upstream") || name.contains("backend")
                    || name == "x-powered-by"
                {
                    throw reply.fault("the answer has \(header.name)")
                }
            }
        },
        Check("leaks.no-cookie", "the edge sets no cookie", "MCP Security Best Practices, Session Hijacking") { bench in
            var replies = try await refusals(bench)
            if bench.lacks(.key) == nil { replies.append(try await bench.send(bench.good())) }
            for reply in replies where reply.answer["Set-Cookie"] != nil {
                throw reply.fault("the answer has Set-Cookie")
            }
        },
        Check("leaks.no-redirect", "a request without a token is not led elsewhere", "OAuth 2.1 7.12") { bench in
            let reply = try await bench.send(bench.bare())
            guard !(300..<400).contains(reply.status), reply.answer["Location"] == nil else {
                throw reply.fault("the answer is a redirect")
            }
        },
    ]
}
