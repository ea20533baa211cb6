import Fleet

/// Genuine signatures over claims that do not admit.
enum ClaimChecks {
    private typealias Change = @Sendable (inout TokenDraft, Bench) throws -> Void
    private static let audience = "RFC 7519 4.1.3; RFC 8707 2; MCP, Token Audience Binding"

    static let all: [Check] = audiences + issuers + times + shapes

    private static func refuses(
        _ name: String, _ words: String, _ reference: String, _ severity: Check.Severity = .must,
        needs: Set<Need> = [], change: @escaping Change
    ) -> Check {
        Check("token.\(name)", "a token \(words) is refused with 401", reference, severity, needs: needs.union([.key]))
        {
            bench in
            try await bench.send(bench.forged(words) { try change(&$0, bench) }).mustBeUnauthorized("a token \(words)")
        }
    }

    private static func aud(_ value: @escaping @Sendable (Target) -> JSONValue?) -> Change {
        { $0.claims.set("aud", value($1.target)) }
    }

    private static let audiences: [Check] = [
        refuses(
            "wrong-audience", "for another resource", audience,
            change: aud { _ in .string("https://other.example/mcp") }),
        refuses("no-audience", "without an audience", audience, change: aud { _ in nil }),
        refuses("empty-audience", "with an empty list of audiences", audience, change: aud { _ in .array([]) }),
        refuses(
            "audience-extended", "whose audience only begins with ours", audience,
            change: aud { .string($0.audience + ".evil.example") }),
        refuses(
            "audience-shortened", "whose audience is a part of ours", audience,
            change: aud { .string(String($0.audience.dropLast(1))) }),
        refuses(
            "audience-other-path", "for another path of this origin", audience,
            change: aud { .string($0.audience + "/other") }),
        refuses(
            "audience-case", "whose audience differs in case", "RFC 3986 6.2.1; RFC 7519 2",
            change: aud { .string($0.audience.uppercased()) }),
        refuses(
            "audience-object", "whose audience is an object", "RFC 7519 4.1.3",
            change: aud { .object(["aud": .string($0.audience)]) }),
        refuses(
            "audience-nul", "whose audience ends in a NUL", "RFC 7519 4.1.3",
            change: aud { .string($0.audience + "\0x") }),
        refuses(
            "neighbour-audience", "for another pool", audience, needs: [.neighbour],
            change: { draft, bench in
                guard let other = bench.target.neighbour?.audience, other != bench.target.audience else {
                    throw Skip("the issuer writes one audience for all pools")
                }
                draft.claims.set("aud", .string(other))
            }),
    ]

    private static let issuers: [Check] = [
        refuses("wrong-issuer", "of another issuer", "RFC 9068 4; RFC 9207") { draft, _ in
            draft.claims.set("iss", .string("https://evil.example"))
        },
        refuses("no-issuer", "without an issuer", "RFC 9068 2.2") { draft, _ in draft.claims.set("iss", nil) },
        refuses("issuer-extended", "whose issuer only begins with ours", "RFC 9068 4") { draft, bench in
            draft.claims.set("iss", .string(bench.target.issuer + "/"))
        },
        refuses("issuer-list", "whose issuer is a list", "RFC 7519 4.1.1") { draft, bench in
            draft.claims.set("iss", .array([.string(bench.target.issuer)]))
        },
        refuses("no-subject", "without a subject", "RFC 9068 2.2", .should) { draft, _ in draft.claims.set("sub", nil)
        },
        refuses("subject-no-text", "whose subject is a number", "RFC 7519 4.1.2", .should) { draft, _ in
            draft.claims.set("sub", .integer(1))
        },
    ]

    private static let times: [Check] = [
        refuses("expired", "that expired an hour ago", "RFC 7519 4.1.4") { draft, bench in
            draft.claims.set("exp", try bench.needForge().time(-3600))
        },
        refuses("expired-beyond-leeway", "that expired six minutes ago", "RFC 7519 4.1.4 (small leeway)") {
            draft, bench in
            draft.claims.set("exp", try bench.needForge().time(-360))
        },
        refuses("no-expiry", "that never expires", "RFC 9068 2.2") { draft, _ in draft.claims.set("exp", nil) },
        refuses("expiry-text", "whose expiry is text", "RFC 7519 4.1.4") { draft, _ in
            draft.claims.set("exp", .string("4102444800"))
        },
        refuses("expiry-negative", "whose expiry is before 1970", "RFC 7519 4.1.4") { draft, _ in
            draft.claims.set("exp", .integer(-1))
        },
        refuses("expiry-overflow", "whose expiry is no possible number", "RFC 7519 4.1.4") { draft, _ in
            draft.claims.setRaw("exp", "1e999")
        },
        refuses("not-yet-valid", "that is valid in an hour only", "RFC 7519 4.1.5") { draft, bench in
            draft.claims.set("nbf", try bench.needForge().time(3600))
        },
        refuses("not-before-text", "whose nbf is text", "RFC 7519 4.1.5") { draft, _ in
            draft.claims.set("nbf", .string("0"))
        },
        refuses("issued-at-text", "whose iat is text", "RFC 7519 4.1.6") { draft, _ in
            draft.claims.set("iat", .string("now"))
        },
        refuses("issued-in-future", "that was issued in an hour", "RFC 8725 3.10 (plausible claims)", .should) {
            draft, bench in
            draft.claims.set("iat", try bench.needForge().time(3600))
        },
    ]

    private static let shapes: [Check] = [
        refuses("duplicate-claims-last", "whose second aud is foreign", "RFC 7519 4") { draft, _ in
            draft.claims.duplicate("aud", .string("https://other.example/mcp"))
        },
        refuses("duplicate-claims-first", "whose first aud is foreign", "RFC 7519 4; RFC 8725 2.4", .should) {
            draft, _ in
            draft.claims.duplicate("aud", .string("https://other.example/mcp"), first: true)
        },
        refuses("duplicate-expiry", "with an old and a new expiry", "RFC 7519 4") { draft, _ in
            draft.claims.duplicate("exp", .integer(1_000_000_000))
        },
        refuses("payload-list", "whose payload is a list", "RFC 7519 7.2") { draft, _ in
            draft.payload = "[\(draft.claims.json)]"
        },
        refuses("payload-no-json", "whose payload is no JSON", "RFC 7519 7.2") { draft, _ in
            draft.payload = draft.claims.json + "}"
        },
        refuses("payload-comments", "whose payload has a comment", "RFC 8259 2") { draft, _ in
            draft.payload = draft.claims.json.replacing("{", with: "{/**/", maxReplacements: 1)
        },
        refuses("payload-deep", "with a thousand nested lists", "RFC 8259 9") { draft, _ in
            draft.claims.setRaw("deep", String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000))
        },
        refuses("wrong-type", "that says it is a logout token", "RFC 9068 4; RFC 8725 3.11") { draft, _ in
            draft.header.set("typ", .string("logout+jwt"))
        },
    ]
}
