import Fleet

/// Without these, no refusal would mean anything.
enum BaselineChecks {
    static let all: [Check] = [
        Check("baseline.good-token", "a good token is admitted", "RFC 6750 2.1") { bench in
            if bench.forge == nil { throw Skip("needs the issuer's key (--issuer-key)") }
            if let refusal = bench.survey.refusal { throw refusal }
            try await bench.send(bench.good()).must(be: 200, orElse: "a good token was not admitted")
        },
        Check("baseline.second-subject", "another subject with a good token is admitted", "RFC 6750 2.1", needs: [.key])
        {
            bench in
            let token = try bench.goodToken(subject: bench.target.otherSubject)
            try await bench.send(bench.opening(token).saying("POST with another subject's good token"))
                .must(be: 200, orElse: "it was not admitted")
        },
        Check(
            "baseline.audience-list", "a token for several audiences, ours among them, is admitted", "RFC 7519 4.1.3",
            .should, needs: [.key]
        ) { bench in
            let aud: JSONValue = .array([.string("https://other.example/mcp"), .string(bench.target.audience)])
            try await bench.send(bench.forged("for two audiences") { $0.claims.set("aud", aud) })
                .mustBeAdmitted("a token whose aud is a list with ours in it")
        },
        Check(
            "baseline.extra-scopes", "a token with more scopes than needed is admitted", "RFC 6749 3.3",
            needs: [.key, .scope]
        ) { bench in
            let scopes = ["openid", bench.target.scope, "other:scope"]
            try await bench.send(bench.forged("with further scopes") { $0.grant(scopes, for: bench.target) })
                .mustBeAdmitted("a token with our scope between two others")
        },
    ]
}
