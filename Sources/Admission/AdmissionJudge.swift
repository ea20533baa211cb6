import Fleet

/// Decides about requests under one policy. Two steps, because between them somebody has to verify
/// a signature: `screen` says whether a token is to be verified at all, and `Examination.conclude`
/// is the only way to an admission.
package struct AdmissionJudge: Sendable {
    package enum Screening: Sendable {
        case decided(AdmissionDecision)
        case examine(Examination)
    }

    private let rules: [String: PoolRule]
    private let origin: String
    private let leeway: Double

    package init(_ policy: GatePolicy) {
        var rules: [String: PoolRule] = [:]
        for pool in policy.pools { rules[pool.name] = PoolRule(pool, url: policy.url) }
        self.rules = rules
        origin = WebOrigin.canonical(policy.url)
        leeway = policy.leeway.value
    }

    package func screen(_ request: AccessRequest) -> Screening {
        guard request.pools.count == 1, let rule = rules[request.pools[0]], rule.name.isExactly(request.pools[0])
        else { return .decided(Self.forbid(.pool, "unknown pool")) }
        guard ["POST", "GET", "DELETE"].containsExactly(request.method) else {
            return .decided(Self.forbid(.method, "method not served"))
        }
        // DNS rebinding: a foreign page may bring a token that its user's browser holds.
        guard request.origins.allSatisfy({ WebOrigin.canonical($0).isExactly(origin) }) else {
            return .decided(Self.forbid(.origin, "foreign origin"))
        }
        switch BearerToken.find(in: request) {
        case .absent: return .decided(rule.challenge(nil))
        case .refused(let reason): return .decided(rule.challenge(TokenFault(reason)))
        case .found(let token): return .examine(Examination(token: token, request: request, rule: rule, leeway: leeway))
        }
    }

    private static func forbid(_ word: AdmissionDecision.Refusal, _ reason: String) -> AdmissionDecision {
        .forbid(challenge: nil, word: word, subject: nil, reason: reason)
    }
}

/// A request whose token is being verified.
package struct Examination: Sendable {
    package let token: String
    private let request: AccessRequest
    private let rule: PoolRule
    private let leeway: Double
    /// OpenID Connect Core, 2: a subject has no more than 255 characters.
    private static let subjectLimit = 255

    init(token: String, request: AccessRequest, rule: PoolRule, leeway: Double) {
        self.token = token
        self.request = request
        self.rule = rule
        self.leeway = leeway
    }

    /// `claims` are those of a token whose signature was verified with a key of its issuer, or why
    /// not. `now` in seconds since 1970.
    package func conclude(_ claims: Result<TokenClaims, TokenFault>, now: Double) -> AdmissionDecision {
        switch claims {
        case .failure(let fault): rule.challenge(fault)
        case .success(let claims): judge(claims, now: now)
        }
    }

    private func judge(_ claims: TokenClaims, now: Double) -> AdmissionDecision {
        guard now < claims.expires + leeway else { return rule.challenge(TokenFault("the token has expired")) }
        if let notBefore = claims.notBefore, now < notBefore - leeway {
            return rule.challenge(TokenFault("the token is not valid yet"))
        }
        guard claims.audiences.containsExactly(rule.resource) else {
            return rule.challenge(TokenFault("the token is not for this resource"))
        }
        guard let subject = HeaderText.visible(claims.subject, limit: Self.subjectLimit) else {
            return rule.challenge(TokenFault("the token's subject is too long"))
        }
        guard claims.scopes.containsExactly(rule.scope) else { return rule.insufficientScope(subject: subject) }
        return .admit(subject: subject, group: rule.group, sessionGroup: rule.sessionGroup(request.sessionID))
    }
}
