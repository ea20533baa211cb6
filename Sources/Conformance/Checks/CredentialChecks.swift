/// Where a token may be, and how it may be brought.
enum CredentialChecks {
    private static let places = "OAuth 2.1 5.1; RFC 6750 2; MCP, Access Token Usage"
    private static let one = "RFC 9110 5.3, 11.6.2"

    /// A good token in a place where it doesn't count.
    private static func ignores(
        _ name: String, _ words: String, _ change: @escaping @Sendable (Request, String, Bench) -> Request
    ) -> Check {
        Check("credentials.\(name)", "a good token \(words) does not admit", places, needs: [.key]) { bench in
            let request = change(bench.bare(), try bench.goodToken(), bench)
            let reply = try await bench.attempt(request.saying("POST with a good token \(words)"))
            try reply?.mustBeRefused("a good token \(words)")
        }
    }

    private static func named(_ name: String, _ header: String, _ prefix: String = "") -> Check {
        ignores(name, "in \(header)") { request, token, _ in request.adding(header, prefix + token) }
    }

    private static let elsewhere: [Check] = [
        ignores("query", "in the query (access_token)") { request, token, bench in
            request.to(bench.target.url.target + "?access_token=" + token)
        },
        ignores("query-spelt", "in the query, its name in percent signs") { request, token, bench in
            request.to(bench.target.url.target + "?a=1&%61ccess_token=" + token)
        },
        ignores("query-other-names", "in the query under other names") { request, token, bench in
            request.to(bench.target.url.target + "?token=\(token)&authorization=Bearer%20\(token)")
        },
        ignores("body", "in a form body") { request, token, _ in
            request.body("access_token=" + token).with("Content-Type", "application/x-www-form-urlencoded")
        },
        named("cookie", "Cookie", "access_token="),
        named("proxy-authorization", "Proxy-Authorization", "Bearer "),
        named("x-authorization", "X-Authorization", "Bearer "),
        named("forwarded-token", "X-Forwarded-Access-Token"),
        named("api-key", "X-Api-Key"),
        ignores("no-scheme", "without a scheme") { request, token, _ in request.adding("Authorization", token) },
        ignores("other-scheme", "under the scheme Token") { request, token, _ in
            request.adding("Authorization", "Token " + token)
        },
        ignores("basic-scheme", "under the scheme Basic") { request, token, _ in
            request.adding("Authorization", "Basic " + token)
        },
        ignores("folded", "on a folded header line") { request, token, _ in
            request.adding("Authorization", "Bearer\r\n " + token)
        },
        ignores("trailer", "in a trailer") { request, token, _ in
            let length = String(request.body.count, radix: 16)
            var copy = request.unmeasured().adding("Transfer-Encoding", "chunked").adding("Trailer", "Authorization")
            copy.body =
                Array("\(length)\r\n".utf8) + request.body
                + Array("\r\n0\r\nAuthorization: Bearer \(token)\r\n\r\n".utf8)
            return copy
        },
    ]

    static let all: [Check] =
        elsewhere + [
            Check(
                "credentials.scheme-case", "the scheme bearer is read in any case", "RFC 9110 11.1", .should,
                needs: [.key]
            ) { bench in
                let token = try bench.goodToken()
                let request = bench.bare().adding("Authorization", "bearer \(token)")
                try await bench.send(request.saying("POST with a good token, scheme in lower case"))
                    .mustBeAdmitted("the scheme in lower case")
            },
            Check("credentials.basic", "Basic credentials are answered 401", "RFC 9110 15.5.2") { bench in
                let request = bench.bare().adding("Authorization", "Basic Y29udm95OnZlcmlmeQ==")
                try await bench.send(request.saying("POST with Basic credentials")).mustBeUnauthorized("Basic")
            },
            Check(
                "credentials.query-beside-header", "a token in the query is refused beside a good one in the header",
                places, .should, needs: [.key]
            ) { bench in
                let request = try bench.good().to(bench.target.url.target + "?access_token=convoy.verify.other")
                try await bench.attempt(request.saying("POST with a good token in the header and one in the query"))?
                    .mustBeRefused("a token in header and query")
            },
            two("two-good-bad", "a good and a bad one", goodFirst: true),
            two("two-bad-good", "a bad and a good one", goodFirst: false),
            Check("credentials.joined", "two credentials in one header are refused", one, needs: [.key]) { bench in
                let token = try bench.goodToken()
                let request = bench.bare().adding("Authorization", "Bearer \(token), Bearer convoy.verify.bad")
                try await bench.attempt(request.saying("POST with two tokens in one Authorization"))?
                    .mustBeRefused("two tokens in one header")
            },
            Check(
                "credentials.not-kept", "a connection keeps no credentials for its next request", "RFC 9110 3.3",
                needs: [.key]
            ) { bench in
                let first = try bench.good().with("Connection", nil)
                let burst = try await bench.burst(
                    first.bytes() + bench.bare().bytes(),
                    sent: "on one connection, POST with a good token, then without")
                guard burst.answers.count == 2 else { throw burst.fault("there are not two answers") }
                await bench.sessions.note(burst.answers[0], of: first)
                guard burst.statuses[1] == 401 else { throw burst.fault("the second request was not answered 401") }
            },
        ]

    private static func two(_ name: String, _ words: String, goodFirst: Bool) -> Check {
        Check("credentials.\(name)", "two Authorization headers, \(words), are refused", one, needs: [.key]) { bench in
            let both = ["Bearer \(try bench.goodToken())", "Bearer convoy.verify.bad"]
            let request = (goodFirst ? both : both.reversed()).reduce(bench.bare()) { $0.adding("Authorization", $1) }
            try await bench.attempt(request.saying("POST with two Authorization headers, \(words)"))?
                .mustBeRefused("the pair of headers")
        }
    }
}
