/// Other spellings of the endpoint, and what lies beside it: none of it may be served without a token.
enum PathChecks {
    private static let reference = "RFC 3986 6.2.2; OWASP API8"

    private static func guarded(
        _ name: String, _ title: String, _ spell: @escaping @Sendable (String) -> [String]
    ) -> Check {
        Check("path.\(name)", "\(title) is no way in", reference) { bench in
            for path in spell(bench.target.url.target) {
                let request = bench.bare().to(path).saying("POST \(path) without a token")
                guard let reply = try await bench.attempt(request) else { continue }
                if (300..<400).contains(reply.status) { throw reply.fault("the edge redirects a POST") }
                try reply.mustBeRefused(path)
            }
        }
    }

    private static func segments(_ path: String) -> (first: Substring, rest: Substring) {
        let body = path.dropFirst()
        let first = body.prefix { $0 != "/" }
        return (first, body.dropFirst(first.count))
    }

    static let all: [Check] = [
        guarded("double-slash", "a doubled slash") { ["/" + $0, $0.replacing("/", with: "//")] },
        guarded("trailing-slash", "a trailing slash") { [$0 + "/", $0 + "//"] },
        guarded("percent-encoding", "a letter in percent signs") {
            [String($0.dropLast()) + percent($0.utf8.last ?? 0x70)]
        },
        guarded("double-encoding", "a letter in doubled percent signs") {
            [String($0.dropLast()) + "%25" + percent($0.utf8.last ?? 0x70).dropFirst()]
        },
        guarded("dot-segments", "a path with dot segments") {
            ["/convoy-verify/.." + $0, $0 + "/.", $0 + "/x/..", "/." + $0]
        },
        guarded("encoded-dots", "a path with encoded dot segments") {
            ["/convoy-verify/%2e%2e" + $0, "/.well-known/%2e%2e" + $0]
        },
        guarded("encoded-slash", "an encoded slash") { path in
            let (first, rest) = segments(path)
            return ["/\(first)%2f\(rest.dropFirst())", "/.well-known/oauth-protected-resource/..%2f..\(path)"]
        },
        guarded("backslash", "a backslash") { [$0.replacing("/", with: "\\"), "/x\\..\($0)"] },
        guarded("letter-case", "the path in other case") { [$0.uppercased()] },
        guarded("longer", "a longer path") { [$0 + "/x", $0 + "x", $0 + ".json"] },
        guarded("parameters", "a path with parameters") {
            [$0 + ";x=y", $0 + ";/../x", $0 + "%00", $0 + "%0a", $0 + "%3f"]
        },
        guarded("upstream-path", "the server's own path") { path in
            ["/mcp", "/sse", "/messages", "/message"].filter { $0 != path }
        },
        guarded("edge-internals", "what is internal to the edge") { _ in
            [
                "/_gate", "/_gate_session", "/authorize", "/session", "/@convoy_active", "/healthz", "/nginx_status",
                "/metrics",
            ]
        },
        Check("path.unknown", "a path that is not there is 404", "RFC 9110 15.5.5") { bench in
            let reply = try await bench.send(bench.get("/convoy-verify-nothing"))
            try reply.must(be: 404, 401, orElse: "a path that is not there was not answered 404")
        },
        Check("path.token-elsewhere", "a good token opens nothing beside the endpoint", reference, needs: [.key]) {
            bench in
            for path in [bench.target.url.target + "/", bench.target.url.target + "/x", "/convoy-verify", "/"] {
                let request = try bench.good().to(path).saying("POST \(path) with a good token")
                try await bench.attempt(request)?.mustBeRefused(path)
            }
        },
    ]

    private static func percent(_ byte: UInt8) -> String { "%" + String(byte, radix: 16) }
}
