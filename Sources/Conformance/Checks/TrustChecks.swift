/// Headers by which the parts of an edge talk to each other mean nothing when a client sends them.
enum TrustChecks {
    private static let reference = "RFC 9110 17; MCP Security Best Practices, Token Passthrough"

    /// Neither do they let anybody in, nor do they change what a good token gets.
    private static func ignored(_ name: String, _ headers: [(String, String)]) -> [Check] {
        let words = headers.map(\.0).joined(separator: ", ")
        return [
            Check("trust.\(name)-no-entry", "\(words) from a client lets nobody in", reference) { bench in
                let request = headers.reduce(bench.bare()) { $0.adding($1.0, $1.1) }
                try await bench.send(request.saying("POST without a token, with \(words)")).mustBeUnauthorized(
                    "the request")
            },
            Check("trust.\(name)-no-effect", "\(words) from a client changes nothing", reference, needs: [.key]) {
                bench in
                let request = headers.reduce(try bench.good()) { $0.adding($1.0, $1.1) }
                try await bench.send(request.saying("POST with a good token and \(words)")).mustBeAdmitted(
                    "the request")
            },
        ]
    }

    static let all: [Check] =
        ignored("group", [("X-Convoy-Group", "convoy_verify"), ("X-Convoy-Session-Group", "convoy_verify")])
        + ignored(
            "pool",
            [("X-Convoy-Pool", "convoy-verify"), ("X-Convoy-Method", "GET"), ("X-Convoy-Query", "access_token=x")])
        + ignored("subject", [("X-Convoy-Subject", "admin"), ("X-Convoy-Owner", "0123456789abcdef0123456789abcdef")])
        + ignored("secret", [("X-Convoy-Secret", "convoy-verify")])
        + ignored("client", [("X-Convoy-Client", "127.0.0.1"), ("X-Convoy-Client-Certificate", "x")])
        + ignored("reason", [("X-Convoy-Reason", "session"), ("X-Convoy-Retry-After", "1")])
        + ignored(
            "forwarded", [("X-Forwarded-For", "127.0.0.1"), ("X-Real-IP", "127.0.0.1"), ("Forwarded", "for=127.0.0.1")])
        + ignored(
            "original-url",
            [
                ("X-Original-URL", "/healthz"), ("X-Rewrite-URL", "/healthz"), ("X-Original-Method", "GET"),
                ("X-Accel-Redirect", "/_gate"),
            ])
        + ignored("method-override", [("X-HTTP-Method-Override", "GET"), ("X-HTTP-Method", "GET")])
        + ignored(
            "user", [("X-Forwarded-User", "admin"), ("X-Remote-User", "admin"), ("X-Auth-Request-User", "admin")])
        + [
            Check(
                "trust.hop-by-hop", "Connection cannot take the token or the edge's headers away", "RFC 9110 7.6.1",
                needs: [.key]
            ) { bench in
                let names = "close, Authorization, X-Convoy-Secret, Host, X-Request-Id"
                let bad = bench.opening("convoy.verify.bad").with("Connection", names)
                try await bench.send(bad.saying("POST with a bad token, Connection: \(names)")).mustBeUnauthorized(
                    "the request")
                try await bench.send(
                    bench.good().with("Connection", names).saying("POST with a good token, Connection: \(names)")
                )
                .mustBeAdmitted("the request")
            }
        ]
}
