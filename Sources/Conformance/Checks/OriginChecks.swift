/// DNS rebinding: pages of other origins must not talk to the server, whatever token their user's browser holds.
enum OriginChecks {
    private static let reference = "MCP Transports, Security Warning; RFC 6454"

    private static func refuses(
        _ name: String, _ title: String, _ origin: @escaping @Sendable (EndpointURL) -> String
    ) -> Check {
        Check("origin.\(name)", "\(title) is answered 403", reference, needs: [.key]) { bench in
            let origin = origin(bench.target.url)
            let reply = try await bench.send(
                bench.good().with("Origin", origin).saying("POST with a good token and Origin: \(origin)"))
            try reply.must(be: 403, orElse: "\(title) was not answered 403")
        }
    }

    static let all: [Check] = [
        Check("origin.same", "the edge's own origin is admitted", reference, needs: [.key]) { bench in
            let origin = bench.target.url.origin
            try await bench.send(bench.good().with("Origin", origin).saying("POST, good token, Origin: \(origin)"))
                .mustBeAdmitted("the edge's own origin")
        },
        refuses("foreign", "a foreign origin") { _ in "https://evil.example" },
        refuses("null", "the origin null") { _ in "null" },
        refuses("suffix", "an origin that only begins with ours") { "\($0.scheme)://\($0.host).evil.example" },
        refuses("prefix", "an origin that only ends with ours") { "\($0.scheme)://evil-\($0.authority)" },
        refuses("user", "an origin with ours as user") { "\($0.scheme)://\($0.authority)@evil.example" },
        refuses("other-port", "our host at another port") {
            "\($0.scheme)://\($0.host):\($0.port == 65535 ? 1 : $0.port + 1)"
        },
        refuses("other-scheme", "our host with another scheme") { "\($0.isTLS ? "http" : "https")://\($0.authority)" },
        refuses("with-path", "an origin with a path") { "\($0.origin)/x.evil.example" },
        two("two-foreign-first", .must) { ["https://evil.example", $0.origin] },
        // No browser sends two, and nginx before 1.23 shows nobody the second.
        two("two-ours-first", .should) { [$0.origin, "https://evil.example"] },
        Check("origin.preflight", "a preflight of a foreign origin is not allowed", "Fetch, CORS protocol") { bench in
            let request = bench.get(bench.target.url.target).by("OPTIONS").with("Origin", "https://evil.example")
                .with("Access-Control-Request-Method", "POST").with("Access-Control-Request-Headers", "authorization")
            let reply = try await bench.send(request.saying("OPTIONS from https://evil.example"))
            let allowed = reply.answer["Access-Control-Allow-Origin"] ?? ""
            guard allowed != "*", !allowed.contains("evil.example") else {
                throw reply.fault("the endpoint allows the origin: \(allowed)")
            }
        },
    ]

    private static func two(
        _ name: String, _ severity: Check.Severity, _ pair: @escaping @Sendable (EndpointURL) -> [String]
    ) -> Check {
        Check("origin.\(name)", "a foreign origin beside ours is refused", reference, severity, needs: [.key]) {
            bench in
            let pair = pair(bench.target.url)
            let request = pair.reduce(try bench.good()) { $0.adding("Origin", $1) }
            try await bench.attempt(
                request.saying("POST, good token, Origin twice: \(pair.joined(separator: " and "))"))?
                .mustBeRefused("a foreign origin beside ours")
        }
    }
}
