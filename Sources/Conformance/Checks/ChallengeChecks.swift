import Fleet

/// What a refused client is told, so that it can come back with a better token.
enum ChallengeChecks {
    private static let mcp = "MCP Authorization, Protected Resource Metadata Discovery"

    static let all: [Check] = unauthorized + forbidden

    private static let unauthorized: [Check] = [
        Check("challenge.401-without-token", "a request without a token is answered 401", "RFC 9110 15.5.2") { bench in
            try await bench.send(bench.bare()).mustBeUnauthorized("a request without a token")
        },
        Check("challenge.401-is-bearer", "exactly one Bearer challenge comes with a 401", "RFC 6750 3") { bench in
            let reply = try await bench.send(bench.bare())
            _ = try reply.bearerChallenge()
            guard reply.challenges.filter({ $0.scheme == "bearer" }).count == 1 else {
                throw reply.fault("there is more than one Bearer challenge")
            }
        },
        Check("challenge.401-has-resource-metadata", "a 401 names the metadata document", "RFC 9728 5.1; \(mcp)") {
            bench in
            let reply = try await bench.send(bench.bare())
            let url = try reply.bearerChallenge()["resource_metadata"]
            guard let url, url.hasPrefix(bench.target.url.origin + "/") else {
                throw reply.fault("resource_metadata is \(url ?? "missing"), not below \(bench.target.url.origin)")
            }
        },
        Check(
            "challenge.401-metadata-url-answers", "the URL in the challenge serves this resource", "RFC 9728 3.3, 5.1"
        ) {
            bench in
            let reply = try await bench.send(bench.bare())
            guard let url = try reply.bearerChallenge()["resource_metadata"],
                url.hasPrefix(bench.target.url.origin + "/")
            else { throw reply.fault("the challenge names no document below \(bench.target.url.origin)") }
            let path = String(url.dropFirst(bench.target.url.origin.count))
            let document = try await bench.send(bench.get(path)).must(be: 200, orElse: "the document is not served")
            guard document.answer.json?["resource"]?.stringValue == bench.target.url.text else {
                throw document.fault("its resource is not \(bench.target.url.text)")
            }
        },
        Check(
            "challenge.401-has-scope", "a 401 names the scope that is needed", "RFC 6750 3; MCP, Scope Selection",
            needs: [.scope]
        ) {
            bench in
            let reply = try await bench.send(bench.bare())
            guard try reply.bearerChallenge().scopes.contains(Substring(bench.target.scope)) else {
                throw reply.fault("the challenge has no scope with \(bench.target.scope) in it")
            }
        },
        Check(
            "challenge.401-no-error-without-token", "who brought no token is told of no error", "RFC 6750 3.1", .should
        ) {
            bench in
            let reply = try await bench.send(bench.bare())
            guard try reply.bearerChallenge()["error"] == nil else {
                throw reply.fault("the challenge has an error code though there was no token")
            }
        },
        Check("challenge.401-bad-token-is-invalid-token", "a bad token is called invalid_token", "RFC 6750 3.1") {
            bench in
            let reply = try await bench.send(
                bench.opening("convoy.verify.bad").saying("POST with a token that is none"))
            try reply.mustBeUnauthorized("a token that is none")
            let challenge = try reply.bearerChallenge()
            guard challenge["error"] == "invalid_token", challenge["resource_metadata"] != nil else {
                throw reply.fault("the challenge lacks error=\"invalid_token\" or resource_metadata")
            }
        },
        Check(
            "challenge.401-on-get", "GET without a token is refused with 401 or 405",
            "MCP Authorization, Access Token Usage"
        ) { bench in
            let request = bench.get(bench.target.url.target).with("Accept", "text/event-stream")
            try await bench.send(request).must(be: 401, 405, orElse: "GET without a token was not refused")
        },
        Check(
            "challenge.401-on-delete", "DELETE without a token is refused with 401 or 405",
            "MCP Authorization, Access Token Usage"
        ) { bench in
            let request = bench.get(bench.target.url.target).by("DELETE").with("Mcp-Session-Id", "a1.convoy-verify")
            try await bench.send(request.saying("DELETE without a token"))
                .must(be: 401, 405, orElse: "DELETE without a token was not refused")
        },
    ]

    private static let forbidden: [Check] = [
        Check(
            "challenge.403-wrong-scope", "a good token with another scope only is answered 403", "RFC 6750 3.1",
            needs: [.key, .scope]
        ) {
            bench in
            try await bench.send(wrongScope(bench)).must(
                be: 403, orElse: "a token without the scope was not answered 403")
        },
        Check(
            "challenge.403-no-scope", "a good token without any scope is answered 403", "RFC 6750 3.1",
            needs: [.key, .scope]
        ) {
            bench in
            try await bench.send(bench.forged("without a scope claim") { $0.grant(nil, for: bench.target) })
                .must(be: 403, orElse: "a token without a scope claim was not answered 403")
        },
        Check(
            "challenge.403-similar-scope", "scopes are compared whole and exactly", "RFC 6749 3.3",
            needs: [.key, .scope]
        ) {
            bench in
            let scope = bench.target.scope
            for other in [scope + "x", String(scope.dropLast()), scope + ":admin", scope.uppercased() + "X", "*"] {
                try await bench.send(
                    bench.forged("whose scope is only similar (\(other))") {
                        $0.grant([other], for: bench.target)
                    }
                ).must(be: 403, orElse: "a scope that is only similar was not answered 403")
            }
        },
        Check(
            "challenge.403-is-insufficient-scope", "a 403 says insufficient_scope",
            "RFC 6750 3.1; MCP, Scope Challenge", needs: [.key, .scope]
        ) {
            bench in
            let reply = try await bench.send(wrongScope(bench))
            guard reply.status == 403, try reply.bearerChallenge()["error"] == "insufficient_scope" else {
                throw reply.fault("there is no challenge with error=\"insufficient_scope\"")
            }
        },
        Check(
            "challenge.403-has-scope", "a 403 names all scopes that are needed", "RFC 6750 3; MCP, Scope Challenge",
            needs: [.key, .scope]
        ) {
            bench in
            let reply = try await bench.send(wrongScope(bench))
            guard reply.status == 403, try reply.bearerChallenge().scopes.contains(Substring(bench.target.scope)) else {
                throw reply.fault("the challenge has no scope with \(bench.target.scope) in it")
            }
        },
        Check(
            "challenge.403-has-resource-metadata", "a 403 names the metadata document",
            "RFC 9728 5.1; MCP, Scope Challenge", needs: [.key, .scope]
        ) {
            bench in
            let reply = try await bench.send(wrongScope(bench))
            let url = try reply.bearerChallenge()["resource_metadata"]
            guard reply.status == 403, let url, url.hasPrefix(bench.target.url.origin + "/") else {
                throw reply.fault("the challenge has no resource_metadata below \(bench.target.url.origin)")
            }
        },
        Check(
            "challenge.403-neighbour-scope", "the scope of another pool does not admit", "RFC 6750 3.1",
            needs: [.key, .scope, .neighbour]
        ) {
            bench in
            let scope = bench.target.neighbour?.scope ?? ""
            try await bench.send(bench.forged("with another pool's scope") { $0.grant([scope], for: bench.target) })
                .must(be: 403, orElse: "another pool's scope was not answered 403")
        },
    ]

    private static func wrongScope(_ bench: Bench) throws -> Request {
        try bench.forged("with another scope (\(bench.target.wrongScope))") {
            $0.grant([bench.target.wrongScope], for: bench.target)
        }
    }
}
