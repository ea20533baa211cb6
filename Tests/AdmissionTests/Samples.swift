import Fleet

@testable import Admission

/// The policy, request and claims that fit each other; each test spoils one thing.
enum Sample {
    static let now: Double = 1_800_000_000

    static let policy = GatePolicy(
        revision: 7, url: "https://mcp.example.com",
        pools: [
            .init(name: "analytics", scope: "mcp:analytics", active: .a, sessions: ["a1", "b2"]),
            .init(name: "idle", scope: "mcp:idle", active: nil),
        ],
        issuers: [.init(url: "https://login.example.com", jwks: .object([:]))])

    static let caller = Caller(issuer: "https://login.example.com", subject: "ada")
    static let grant = Grant(caller: caller, pool: "analytics", group: "analytics_a")

    static let request = AccessRequest(pools: ["analytics"], method: "POST", authorization: ["Bearer a.b.c"])

    static let claims = TokenClaims(
        issuer: "https://login.example.com", subject: "ada", audiences: ["https://mcp.example.com/analytics/mcp"],
        expires: now + 600, notBefore: now - 1, scopes: ["openid", "mcp:analytics"])

    static func request(_ spoil: (inout AccessRequest) -> Void) -> AccessRequest {
        var request = request
        spoil(&request)
        return request
    }

    static func claims(_ spoil: (inout TokenClaims) -> Void) -> TokenClaims {
        var claims = claims
        spoil(&claims)
        return claims
    }

    static func decide(
        _ request: AccessRequest = request, _ claims: TokenClaims = claims, policy: GatePolicy = policy
    ) -> AdmissionDecision {
        switch AdmissionJudge(policy).screen(request) {
        case .decided(let decision): decision
        case .examine(let examination): examination.conclude(.success(claims), now: now)
        }
    }
}

extension AdmissionDecision {
    var isAdmission: Bool { if case .admit = self { true } else { false } }
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}
