import Fleet
import Testing

@testable import Admission

@Suite("Who is admitted")
struct AdmissionJudgeTests {
    private static let metadata = "https://mcp.example.com/.well-known/oauth-protected-resource/analytics/mcp"

    @Test("a valid token admits to its pool, and names the active colour's group and the subject")
    func admits() {
        let decision = Sample.decide()
        #expect(decision == .admit(Sample.grant))
        #expect(decision.status == 204)
        #expect(decision.header("X-Convoy-Group") == "analytics_a")
        #expect(decision.header("X-Convoy-Subject") == "ada")
    }

    @Test("a session whose instance is honoured names its group too, any other session does not")
    func sessions() {
        let honoured = Sample.decide(Sample.request { $0.sessionID = "b2.6f0c" })
        #expect(honoured.header("X-Convoy-Group") == "analytics_a")
        #expect(honoured.header("X-Convoy-Session-Group") == "analytics_b2")
        for foreign in ["", "b2", "b3.6f0c", "B2.6f0c", ".b2", "a1,b2.x", " a1.x"] {
            let decision = Sample.decide(Sample.request { $0.sessionID = foreign })
            #expect(decision.header("X-Convoy-Session-Group") == nil, "\(foreign)")
        }
    }

    @Test("a pool that nobody serves has the group convoy_none")
    func noActiveColour() {
        let request = Sample.request { $0.pools = ["idle"] }
        let claims = Sample.claims {
            $0.audiences = ["https://mcp.example.com/idle/mcp"]
            $0.scopes = ["mcp:idle"]
        }
        #expect(
            Sample.decide(request, claims)
                == .admit(
                    Grant(caller: Sample.caller, pool: "idle", group: "convoy_none")))
    }

    @Test("without a token the challenge says where to learn more, and states no error")
    func noToken() {
        let decision = Sample.decide(Sample.request { $0.authorization = [] })
        #expect(decision.status == 401)
        #expect(
            decision.header("WWW-Authenticate")
                == "Bearer resource_metadata=\"\(Self.metadata)\", scope=\"mcp:analytics\"")
    }

    @Test("a bad token's challenge says what is wrong with it")
    func badToken() {
        let decision = Sample.decide(Sample.request, Sample.claims { $0.expires = Sample.now - 31 })
        #expect(
            decision.header("WWW-Authenticate")
                == "Bearer resource_metadata=\"\(Self.metadata)\", scope=\"mcp:analytics\", "
                + "error=\"invalid_token\", error_description=\"the token has expired\"")
    }

    @Test("a token without the pool's scope gets 403 with a challenge that names the scope")
    func insufficientScope() {
        let decision = Sample.decide(Sample.request, Sample.claims { $0.scopes = ["mcp:analytics2", "mcp"] })
        #expect(decision.status == 403)
        #expect(decision.caller == Sample.caller)
        #expect(
            decision.header("WWW-Authenticate")
                == "Bearer error=\"insufficient_scope\", scope=\"mcp:analytics\", "
                + "resource_metadata=\"\(Self.metadata)\"")
    }

    @Test(
        "claims that do not fit are challenged",
        arguments: [
            Sample.claims { $0.audiences = [] },
            Sample.claims { $0.audiences = ["https://mcp.example.com"] },
            Sample.claims { $0.audiences = ["https://mcp.example.com/analytics/mcp/"] },
            Sample.claims { $0.audiences = ["https://mcp.example.com/idle/mcp"] },
            Sample.claims { $0.audiences = ["HTTPS://mcp.example.com/analytics/mcp"] },
            Sample.claims { $0.notBefore = Sample.now + 31 },
            Sample.claims { $0.expires = Sample.now - 30 },
            Sample.claims { $0.expires = -.infinity },
            Sample.claims { $0.expires = .nan },
            Sample.claims { $0.subject = String(repeating: "x", count: 256) },
        ])
    func unfitClaims(_ claims: TokenClaims) {
        #expect(Sample.decide(Sample.request, claims).status == 401)
    }

    @Test("clocks may differ by the leeway, and one audience of several is enough")
    func leeway() {
        let claims = Sample.claims {
            $0.expires = Sample.now - 29
            $0.notBefore = Sample.now + 30
            $0.audiences.insert("https://elsewhere.example.com", at: 0)
        }
        #expect(Sample.decide(Sample.request, claims).isAdmission)
    }

    @Test("a canonically equivalent spelling is not the same scope")
    func exactness() {
        let policy = GatePolicy(
            revision: 1, url: Sample.policy.url, pools: [.init(name: "analytics", scope: "K", active: .b)],
            issuers: Sample.policy.issuers)
        let kelvin = Sample.claims { $0.scopes = ["\u{212A}"] }
        #expect(kelvin.scopes == ["K"], "Swift calls the two equal: that is the trap")
        #expect(Sample.decide(Sample.request, kelvin, policy: policy).status == 403)
    }

    @Test(
        "a foreign origin is refused before any token is looked at",
        arguments: [["https://evil.example"], ["null"], ["https://mcp.example.com", "https://evil.example"], [""]])
    func foreignOrigin(_ origins: [String]) {
        let decision = Sample.decide(Sample.request { $0.origins = origins })
        #expect(decision.status == 403)
        #expect(decision.header("X-Convoy-Reason") == "origin")
        #expect(decision.header("WWW-Authenticate") == nil)
    }

    @Test(
        "the edge's own origin is admitted however its port is spelt",
        arguments: ["https://mcp.example.com", "https://mcp.example.com:443", "https://MCP.example.com"])
    func ownOrigin(_ origin: String) {
        #expect(Sample.decide(Sample.request { $0.origins = [origin] }).isAdmission)
    }

    @Test(
        "a request for no pool, an unknown one, or two is forbidden",
        arguments: [[], ["nobody"], [""], ["analytics", "analytics"], ["ANALYTICS"]])
    func unknownPool(_ pools: [String]) {
        let decision = Sample.decide(Sample.request { $0.pools = pools })
        #expect(decision.status == 403)
        #expect(decision.header("WWW-Authenticate") == nil)
    }

    @Test("other methods are forbidden", arguments: ["", "PUT", "post", "OPTIONS", "POST "])
    func method(_ method: String) {
        #expect(Sample.decide(Sample.request { $0.method = method }).status == 403)
    }
}
