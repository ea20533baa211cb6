import Fleet
import FoundationEssentials

/// Tokens that bring the key for their own verification along, or demand what is not understood.
enum HeaderChecks {
    private static let injection = "RFC 8725 3.10; RFC 7515 10"

    private static func refuses(
        _ name: String, _ words: String, _ reference: String = injection,
        _ change: @escaping @Sendable (inout TokenDraft, TokenForge, Bench) throws -> Void
    ) -> Check {
        Check("header.\(name)", "a token \(words) is refused with 401", reference, needs: [.key]) { bench in
            let forge = try bench.needForge()
            let before = bench.bait?.bites ?? 0
            let reply = try await bench.send(bench.forged(words) { try change(&$0, forge, bench) })
            try reply.mustBeUnauthorized("a token \(words)")
            if let bait = bench.bait, bait.bites > before {
                throw reply.fault("the edge fetched the URL that a stranger's token named")
            }
        }
    }

    private static func place(_ bench: Bench) -> JSONValue {
        .string(bench.bait?.url ?? "https://convoy-verify.invalid/keys")
    }

    static let all: [Check] = [
        refuses("jwk", "that brings its own key (jwk)") { draft, forge, _ in
            draft.header.set("jwk", try forge.stranger.jwk)
            draft.signer = .stranger
        },
        refuses("jwk-without-kid", "that brings its own key and no kid") { draft, forge, _ in
            draft.header.set("jwk", try forge.stranger.jwk)
            draft.header.set("kid", nil)
            draft.signer = .stranger
        },
        refuses("jku", "that names where its key is (jku)") { draft, _, bench in
            draft.header.set("jku", place(bench))
            draft.signer = .stranger
        },
        refuses("jku-in-kid", "whose kid is the URL of a key") { draft, _, bench in
            draft.header.set("kid", place(bench))
            draft.signer = .stranger
        },
        refuses("x5u", "that names where its certificate is (x5u)") { draft, _, bench in
            draft.header.set("x5u", place(bench))
            draft.signer = .stranger
        },
        refuses("x5c", "that brings its own certificate (x5c)") { draft, forge, _ in
            let certificate = try DER.certificate(over: forge.stranger.publicDER)
            draft.header.set("x5c", .array([.string(Data(certificate).base64EncodedString())]))
            draft.signer = .stranger
        },
        refuses("crit-unknown", "that demands an unknown extension (crit)", "RFC 7515 4.1.11") { draft, _, _ in
            draft.header.set("crit", .array([.string("urn:convoy:verify")]))
            draft.header.set("urn:convoy:verify", .bool(true))
        },
        refuses("crit-empty", "with an empty list of demands (crit)", "RFC 7515 4.1.11") { draft, _, _ in
            draft.header.set("crit", .array([]))
        },
        refuses("b64-false", "whose payload is not encoded (b64)", "RFC 7797 6; RFC 7519 7.2") { draft, _, _ in
            draft.header.set("b64", .bool(false))
            draft.header.set("crit", .array([.string("b64")]))
        },
        refuses("duplicate-alg", "with two alg members, the second none", "RFC 7515 4") { draft, _, _ in
            draft.header.duplicate("alg", .string("none"))
            draft.signer = .bytes([])
        },
        refuses("duplicate-alg-first", "with two alg members, the first none", "RFC 7515 4") { draft, _, _ in
            draft.header.duplicate("alg", .string("none"), first: true)
            draft.signer = .bytes([])
        },
        refuses("duplicate-kid", "with two kid members, the second unknown", "RFC 7515 4") { draft, _, _ in
            draft.header.duplicate("kid", .string("convoy-verify-unknown"))
        },
    ]
}
