import Fleet
import Testing

@testable import Admission

@Suite("What tokens say")
struct ClaimTests {
    private static let base: [String: JSONValue] = [
        "iss": .string("https://login.example.com"), "sub": .string("ada"), "exp": .integer(2_000_000_000),
        "aud": .string("https://mcp.example.com/analytics/mcp"),
    ]
    private static let thumbprint = [UInt8](0..<32)

    private func scopes(_ json: String, at path: String? = nil) throws -> [String] {
        let more = try StrictJSON.parse(Array(json.utf8)).objectValue ?? [:]
        return try TokenClaims(.object(Self.base.merging(more) { $1 }), scopeClaim: path).scopes
    }

    @Test("scopes are in scope, else in scp, as words of a text or as an array")
    func scopes() throws {
        #expect(try scopes(#"{"scope":"a b"}"#) == ["a", "b"])
        #expect(try scopes(#"{"scp":["a","b c"]}"#) == ["a", "b c"])
        #expect(try scopes(#"{"scp":"a b"}"#) == ["a", "b"])
        #expect(try scopes(#"{"scope":"a","scp":"b","roles":["c"]}"#) == ["a"])
        #expect(try scopes(#"{"scope":"","scp":"b"}"#) == [])
        #expect(try scopes("{}") == [])
    }

    @Test("an issuer's own claim takes their place, by name or by path, and never falls back")
    func namedClaim() throws {
        #expect(try scopes(#"{"roles":["r"],"scope":"a"}"#, at: "roles") == ["r"])
        #expect(try scopes(#"{"realm_access":{"roles":["r"]}}"#, at: "realm_access.roles") == ["r"])
        #expect(
            try scopes(
                #"{"https://mcp.example.com/roles":"r","https://mcp":{"x":1}}"#, at: "https://mcp.example.com/roles")
                == ["r"])
        #expect(try scopes(#"{"scope":"a"}"#, at: "roles") == [])
        #expect(try scopes(#"{"realm_access":{},"scope":"a"}"#, at: "realm_access.roles") == [])
        for broken in [
            #"{"realm_access":"roles"}"#, #"{"realm_access":{"roles":{}}}"#, #"{"realm_access":{"roles":[7]}}"#,
        ] {
            #expect(throws: TokenFault.self) { try scopes(broken, at: "realm_access.roles") }
        }
    }

    private func confirmation(_ json: String) throws -> [UInt8]? {
        let value = try StrictJSON.parse(Array(json.utf8))
        return try TokenClaims(.object(Self.base.merging(["cnf": value]) { $1 })).certificate
    }

    @Test("a token that is bound to a certificate tells its digest")
    func bound() throws {
        let text = Base64URL.encode(Self.thumbprint)
        #expect(try confirmation(#"{"x5t#S256":"\#(text)"}"#) == Self.thumbprint)
        #expect(try TokenClaims(.object(Self.base)).certificate == nil)
    }

    @Test(
        "a token that is bound to anything else is never taken for a bearer token",
        arguments: [
            "{}", "null", "[]", #""x5t#S256""#, #"{"jkt":"AAAA"}"#, #"{"jwk":{}}"#, #"{"kid":"k"}"#,
            #"{"x5t#S256":""}"#,
            #"{"x5t#S256":7}"#, #"{"x5t#S256":"AAAA"}"#, #"{"x5t":"AAAA"}"#, #"{"unheard-of":1}"#,
            #"{"x5t#S256":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","jkt":"AAAA"}"#,
        ])
    func boundOtherwise(_ json: String) { #expect(throws: TokenFault.self) { try confirmation(json) } }

    @Test("a token bound to a certificate admits with that certificate only")
    func binding() throws {
        guard case .examine(let examination) = AdmissionJudge(Sample.policy).screen(Sample.request) else {
            Issue.record("the token was not asked for")
            return
        }
        let bound = Sample.claims { $0.certificate = Self.thumbprint }
        func status(_ claims: TokenClaims, _ thumbprint: [UInt8]?) -> Int {
            examination.conclude(.success(claims), thumbprint: { thumbprint }, now: Sample.now).status
        }
        #expect(status(bound, Self.thumbprint) == 204)
        #expect(status(bound, nil) == 401)
        #expect(status(bound, []) == 401)
        #expect(status(bound, Self.thumbprint.dropLast()) == 401)
        for index in 0..<32 {
            var other = Self.thumbprint
            other[index] ^= 0x80
            #expect(status(bound, other) == 401)
        }
        #expect(status(Sample.claims, Self.thumbprint) == 204, "a bearer token may come over mutual TLS too")
    }

    @Test("a token from the future is refused, clocks apart by the leeway are not")
    func issuedAt() {
        #expect(Sample.decide(Sample.request, Sample.claims { $0.issuedAt = Sample.now + 30 }).status == 204)
        let early = Sample.decide(Sample.request, Sample.claims { $0.issuedAt = Sample.now + 31 })
        #expect(early.reason == "the token was issued in the future")
        #expect(Sample.decide(Sample.request, Sample.claims { $0.issuedAt = .nan }).status == 401)
        #expect(Sample.decide(Sample.request, Sample.claims { $0.notBefore = .nan }).status == 401)
    }

    @Test("an issuer's audience takes the place of the pool's URL, for that issuer only")
    func audience() {
        var policy = Sample.policy
        policy.issuers[0].audience = "api://mcp"
        policy.issuers.append(.init(url: "https://b.example.com", jwks: .object([:])))
        func status(_ issuer: String, _ audience: String) -> Int {
            let claims = Sample.claims {
                $0.issuer = issuer
                $0.audiences = [audience]
            }
            return Sample.decide(Sample.request, claims, policy: policy).status
        }
        let resource = "https://mcp.example.com/analytics/mcp"
        #expect(status("https://login.example.com", "api://mcp") == 204)
        #expect(status("https://login.example.com", resource) == 401)
        #expect(status("https://b.example.com", resource) == 204)
        #expect(status("https://b.example.com", "api://mcp") == 401)
        #expect(status("https://c.example.com", resource) == 401)
    }

    @Test("an issuer's word about a token is taken for what it says")
    func introspection() throws {
        let issuer = GatePolicy.Issuer(url: "https://login.example.com", keys: .none, introspection: true)
        func read(_ json: String) throws -> TokenClaims {
            let answer = try StrictJSON.parse(Array(json.utf8))
            return try TokenClaims(introspection: answer, of: issuer, now: 100, trust: 60)
        }
        let full = try read(
            #"{"active":true,"iss":"https://login.example.com","sub":"s","username":"u","exp":150,"aud":["a"],"scope":"x y"}"#
        )
        #expect(
            full
                == TokenClaims(
                    issuer: issuer.url, subject: "s", audiences: ["a"], expires: 150, scopes: ["x", "y"]))
        let bare = try read(#"{"active":true,"client_id":"robot"}"#)
        #expect(bare.subject == "robot" && bare.expires == 160 && bare.audiences.isEmpty)
        #expect(try read(#"{"active":true,"client_id":"robot","username":"u"}"#).subject == "u")
        for refused in [
            #"{"active":false,"sub":"s"}"#, #"{"sub":"s"}"#, #"{"active":"true","sub":"s"}"#,
            #"{"active":1,"sub":"s"}"#,
            #"{"active":true,"sub":"s","iss":"https://login.example.com/"}"#, #"{"active":true,"sub":"s","iss":7}"#,
            #"{"active":true}"#, #"{"active":true,"sub":7,"username":"u"}"#, #"{"active":true,"sub":"s","exp":"x"}"#,
            #"{"active":true,"sub":"s","cnf":{"jkt":"x"}}"#, #"{"active":true,"sub":"s","token_type":"DPoP"}"#,
            #"{"active":true,"sub":"s","token_use":"refresh_token"}"#, #"{"active":true,"sub":"s","typ":"Refresh"}"#,
        ] {
            #expect(throws: TokenFault.self) { try read(refused) }
        }
    }

    @Test("a certificate is read as nginx spells it, and nothing else is one")
    func certificate() {
        let good = "-----BEGIN%20CERTIFICATE-----%0AAAEC%2BA%3D%3D%0A-----END%20CERTIFICATE-----%0A"
        #expect(ClientCertificate.der(escaped: good) == [0, 1, 2, 0xf8])
        for bad in [
            "", "AAEC", "-----BEGIN%20CERTIFICATE-----%0A-----END%20CERTIFICATE-----%0A", good + good,
            good.replacing("%0AAAEC", with: "%0AAA-C"), good.replacing("%3D%3D", with: "%3D"),
            good.replacing("%0AAAEC", with: "%0A%4"), String(good.dropLast(12)), good.replacing("%2B", with: "%zz"),
        ] {
            #expect(ClientCertificate.der(escaped: bad) == nil, "\(bad)")
        }
    }
}
