import Fleet
import Testing

@testable import Admission

@Suite("How a token is checked")
struct TokenRouteTests {
    private static let signing = GatePolicy.Issuer(
        url: "https://a.example.com", keys: .refresher, algorithms: [.es256, .rs256])
    private static let telling = GatePolicy.Issuer(url: "https://c.example.com", keys: .none, introspection: true)
    private static let both = [signing, telling]

    private func token(_ issuer: String, alg: String = "ES256") -> String {
        Base64URL.encode(#"{"alg":"\#(alg)","kid":"k"}"#.utf8) + "."
            + Base64URL.encode(#"{"iss":"\#(issuer)"}"#.utf8) + ".AAAA"
    }

    private func refusal(_ token: String, _ issuers: [GatePolicy.Issuer]) -> String? {
        if case .refuse(let fault) = TokenRoute(token, issuers: issuers) { fault.reason } else { nil }
    }

    @Test("a JWT is verified with the keys of the issuer that it names, to the letter")
    func verified() throws {
        let text = token("https://a.example.com")
        #expect(TokenRoute(text, issuers: Self.both) == .verify(try CompactToken(text), Self.signing))
        for other in ["https://a.example.com/", "https://A.example.com", "", "https://b.example.com"] {
            #expect(refusal(token(other), Self.both) == "the token's issuer is not accepted")
        }
    }

    @Test("only the algorithms of its issuer are good for a JWT")
    func algorithms() {
        #expect(refusal(token("https://a.example.com", alg: "RS256"), Self.both) == nil)
        for other in ["ES384", "PS256", "EdDSA", "none", "HS256"] {
            #expect(
                refusal(token("https://a.example.com", alg: other), Self.both)
                    == "the token's algorithm is not accepted")
        }
    }

    @Test("an opaque token is asked for where there is somebody to ask, and is no token otherwise")
    func opaque() {
        #expect(TokenRoute("opaque", issuers: Self.both) == .introspect(Self.telling))
        #expect(refusal("opaque", [Self.signing]) == "the token is not a signed JWT")
        #expect(refusal("opaque", []) == "the token is not a signed JWT")
    }

    @Test("a JWT of an issuer without keys is asked for there, and at no other issuer")
    func withoutKeys() {
        for algorithm in ["ES256", "HS256", "none"] {
            let own = token("https://c.example.com", alg: algorithm)
            #expect(TokenRoute(own, issuers: Self.both) == .introspect(Self.telling), "\(algorithm)")
        }
        var silent = Self.telling
        silent.introspection = false
        #expect(refusal(token("https://c.example.com"), [silent]) != nil)
        #expect(refusal("e30.e30.AAAA", Self.both) != nil, "a broken JWT is nobody's")
    }

    @Test("fixed keys end the matter, fetched ones may be out of date")
    func keys() {
        #expect(KeyJudge.judge(.known) == .verify)
        #expect(KeyJudge.judge(.unknown) == .end(.refuse(TokenFault("the token's key is not known"))))
        func fetched(_ key: KeyJudge.Key, _ at: Double?) -> KeyJudge.Verdict {
            KeyJudge.judge(key, fetchedAt: at, staleLimit: 100, now: 1000)
        }
        #expect(fetched(.known, 900) == .verify)
        #expect(fetched(.unknown, 900) == .ask(meanwhile: .refuse(TokenFault("the token's key is not known"))))
        #expect(fetched(.unclear, 900) == .end(.refuse(TokenFault("the token does not say which key signed it"))))
        for key in KeyJudge.Key.allCases {
            #expect(fetched(key, 899) == .ask(meanwhile: .unavailable), "too old to go by")
            #expect(fetched(key, nil) == .ask(meanwhile: .unavailable), "never fetched")
            #expect(fetched(key, .nan) == .ask(meanwhile: .unavailable))
        }
    }
}
