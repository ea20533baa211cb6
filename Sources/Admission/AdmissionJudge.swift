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
    private let issuers: [GatePolicy.Issuer]

    package init(_ policy: GatePolicy) {
        var rules: [String: PoolRule] = [:]
        let closes = policy.closesConnections ?? false
        for pool in policy.pools {
            rules[pool.name] = PoolRule(pool, url: policy.url, closesConnections: closes)
        }
        self.rules = rules
        origin = WebOrigin.canonical(policy.url)
        leeway = policy.leeway.value
        issuers = policy.issuers
    }

    package func screen(_ request: AccessRequest) -> Screening {
        guard request.pools.count == 1, let rule = rules[request.pools[0]], rule.name.isExactly(request.pools[0])
        else { return .decided(Self.forbid(.pool, "unknown pool")) }
        guard request.method.isExactly("POST") || ["GET", "DELETE"].containsExactly(request.method) else {
            return .decided(Self.forbid(.method, "method not served"))
        }
        if let refusal = rule.clientRefusal(request.client) { return .decided(refusal) }
        // DNS rebinding: a foreign page may bring a token that its user's browser holds.
        guard request.origins.allSatisfy({ WebOrigin.canonical($0).isExactly(origin) }) else {
            return .decided(Self.forbid(.origin, "foreign origin"))
        }
        switch BearerToken.find(in: request) {
        case .absent: return .decided(rule.challenge(nil))
        case .refused(let reason): return .decided(rule.challenge(TokenFault(reason)))
        case .found(let token):
            return .examine(
                Examination(token: token, request: request, rule: rule, leeway: leeway, issuers: issuers))
        }
    }

    private static func forbid(_ word: AdmissionDecision.Refusal, _ reason: String) -> AdmissionDecision {
        .forbid(challenge: nil, word: word, caller: nil, reason: reason)
    }
}

/// A request whose token is being verified.
package struct Examination: Sendable {
    package let token: String
    private let request: AccessRequest
    private let rule: PoolRule
    private let leeway: Double
    private let issuers: [GatePolicy.Issuer]
    /// OpenID Connect Core, 2: a subject has no more than 255 characters.
    private static let subjectLimit = 255

    init(token: String, request: AccessRequest, rule: PoolRule, leeway: Double, issuers: [GatePolicy.Issuer]) {
        self.token = token
        self.request = request
        self.rule = rule
        self.leeway = leeway
        self.issuers = issuers
    }

    /// DER of the certificate that the client proved to hold; nil without one.
    package var certificate: [UInt8]? { ClientCertificate.der(escaped: request.clientCertificate) }

    /// `claims` are those of a token whose signature was verified with a key of its issuer, or that its
    /// issuer vouched for, or why not. `thumbprint` is the SHA-256 of `certificate`; asked for only when
    /// the token is bound to one. `now` in seconds since 1970.
    package func conclude(
        _ claims: Result<TokenClaims, TokenFault>, thumbprint: () -> [UInt8]? = { nil }, now: Double
    ) -> AdmissionDecision {
        switch claims {
        case .failure(let fault): rule.challenge(fault)
        case .success(let claims):
            if let fault = fault(in: claims, thumbprint, now: now) {
                rule.challenge(fault)
            } else {
                judge(claims)
            }
        }
    }

    private func fault(in claims: TokenClaims, _ thumbprint: () -> [UInt8]?, now: Double) -> TokenFault? {
        guard let issuer = issuers.first(where: { $0.url.isExactly(claims.issuer) }) else {
            return TokenFault("the token's issuer is not accepted")
        }
        guard now < claims.expires + leeway else { return TokenFault("the token has expired") }
        if let notBefore = claims.notBefore {
            guard now >= notBefore - leeway else { return TokenFault("the token is not valid yet") }
        }
        if let issuedAt = claims.issuedAt {
            guard issuedAt <= now + leeway else { return TokenFault("the token was issued in the future") }
        }
        guard claims.audiences.containsExactly(issuer.audience ?? rule.resource) else {
            return TokenFault("the token is not for this resource")
        }
        if let bound = claims.certificate {
            guard let thumbprint = thumbprint() else {
                return TokenFault("the token is good only with its client certificate")
            }
            guard ConstantTime.isEqual(bound, thumbprint) else {
                return TokenFault("the token is bound to another client certificate")
            }
        }
        return nil
    }

    private func judge(_ claims: TokenClaims) -> AdmissionDecision {
        guard let subject = HeaderText.visible(claims.subject, limit: Self.subjectLimit) else {
            return rule.challenge(TokenFault("the token's subject is too long"))
        }
        let caller = Caller(issuer: claims.issuer, subject: subject)
        guard claims.scopes.containsExactly(rule.scope) else { return rule.insufficientScope(caller) }
        return rule.conclude(request, for: caller)
    }
}
