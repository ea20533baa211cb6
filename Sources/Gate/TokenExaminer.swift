import Admission
import Fleet
import NIOCore

/// How the refresher is reached, and what a process keeps of its answers whatever policy applies.
struct RefresherLink: Sendable {
    let client: RefresherClient
    let keys: RefreshedKeys
    let audit: AuditLog
    /// Seconds since 1970.
    let clock: @Sendable () -> Double
}

/// Tells what a token says, under one policy: from its signature, or from what its issuer said.
final class TokenExaminer: Sendable {
    enum Finding: Sendable {
        case told(Result<TokenClaims, TokenFault>)
        /// Nobody can say.
        case unavailable(String)
        /// The refresher may know more; `meanwhile` when it can't be asked, or has been.
        indirect case ask(Inquiry, meanwhile: Finding)
    }

    private struct Verified: Sendable {
        let claims: TokenClaims
        let keys: KeySet
    }

    /// Seconds that an issuer's word about an opaque token is good.
    private static let trust: Double = 60
    private static let distrust: Double = 10

    private let issuers: [GatePolicy.Issuer]
    private let leeway: Double
    private let fixed: [String: KeySet]
    private let link: RefresherLink?
    /// Only good tokens come in, so that a flood of bad ones can't push them out; claims are judged
    /// again on each request.
    private let verified = TokenCache<Verified>()
    private let vouched = TokenCache<TokenClaims>()
    private let refused = TokenCache<TokenFault>()
    let notices: [String]

    init(_ policy: GatePolicy, link: RefresherLink?) {
        var fixed: [String: KeySet] = [:]
        var notices: [String] = []
        for issuer in policy.issuers {
            if case .inline(let document) = issuer.keys {
                let keys = KeySet(document, of: issuer.url)
                notices += keys.notices
                fixed[issuer.url] = keys
            }
            if link == nil, issuer.introspection || issuer.keys == .refresher {
                notices.append("issuer \(issuer.url): there is no refresher to ask, its tokens get 503")
            }
        }
        issuers = policy.issuers
        leeway = policy.leeway.value
        self.fixed = fixed
        self.link = link
        self.notices = notices
    }

    /// Waits for nobody. `now` in seconds since 1970.
    func examine(_ token: String, now: Double) -> Finding {
        let digest = TokenDigest(of: token)
        if let known = verified.value(for: digest, now: now), isCurrent(known, now) {
            return .told(.success(known.claims))
        }
        if let claims = vouched.value(for: digest, now: now) { return .told(.success(claims)) }
        if let fault = refused.value(for: digest, now: now) { return .told(.failure(fault)) }
        switch TokenRoute(token, issuers: issuers) {
        case .refuse(let fault): return .told(.failure(fault))
        case .verify(let token, let issuer): return verify(token, of: issuer, digest, now)
        case .introspect(let issuer): return introspect(token, at: issuer, digest)
        }
    }

    /// Whether the keys that a token was verified with still stand.
    private func isCurrent(_ known: Verified, _ now: Double) -> Bool {
        let name = known.claims.issuer
        if let keys = fixed[name] { return keys === known.keys }
        guard let entry = link?.keys[name], let issuer = issuers.first(where: { $0.url.isExactly(name) })
        else { return false }
        return entry.keys === known.keys && now - entry.fetchedAt <= issuer.staleLimit.value
    }

    private func verify(
        _ token: CompactToken, of issuer: GatePolicy.Issuer, _ digest: TokenDigest, _ now: Double
    ) -> Finding {
        let entry = link?.keys[issuer.url]
        let keys = fixed[issuer.url] ?? entry?.keys
        let standing = keys?.standing(of: token) ?? .unknown
        let verdict =
            fixed[issuer.url] != nil
            ? KeyJudge.judge(standing)
            : KeyJudge.judge(
                standing, fetchedAt: entry?.fetchedAt, staleLimit: issuer.staleLimit.value, now: now)
        switch verdict {
        case .verify: return .told(claims(of: token, issuer, keys, digest, now))
        case .end(let ending): return Self.finding(ending)
        case .ask(let ending):
            guard let refreshed = link?.keys else { return Self.finding(ending) }
            let inquiry = Inquiry(question: .keys(issuer: issuer.url)) {
                refreshed.refresh(issuer.url, fresh: entry != nil)
            }
            return .ask(inquiry, meanwhile: Self.finding(ending))
        }
    }

    private static func finding(_ ending: KeyJudge.Ending) -> Finding {
        switch ending {
        case .refuse(let fault): .told(.failure(fault))
        case .unavailable: .unavailable("the issuer's keys are not known, or too old")
        }
    }

    private func claims(
        of token: CompactToken, _ issuer: GatePolicy.Issuer, _ keys: KeySet?, _ digest: TokenDigest, _ now: Double
    ) -> Result<TokenClaims, TokenFault> {
        guard let keys, keys.hasSigned(token) else { return .failure(TokenFault("the token's signature is wrong")) }
        do throws(TokenFault) {
            let claims = try token.claims(scopeClaim: issuer.scopeClaim)
            // An expired token keeps its good signature for ever: it must not fill the cache.
            if now < claims.expires + leeway {
                verified.insert(
                    Verified(claims: claims, keys: keys), for: digest, now: now, until: claims.expires + leeway)
            }
            return .success(claims)
        } catch { return .failure(error) }
    }
}

// MARK: Tokens that only their issuer can tell about

extension TokenExaminer {
    private func introspect(_ token: String, at issuer: GatePolicy.Issuer, _ digest: TokenDigest) -> Finding {
        let meanwhile = Finding.unavailable("the issuer can't be asked about the token")
        guard let link else { return meanwhile }
        let inquiry = Inquiry(question: .introspection(token: digest)) {
            link.client.introspect(token, at: issuer.url).map { answer in
                self.take(answer, about: digest, of: issuer, now: link.clock())
            }
            .flatMapErrorThrowing { error in
                let reason = (error as? RefresherClient.Fault)?.reason ?? ""
                link.audit.note("token not introspected", [("issuer", .text(issuer.url)), ("reason", .text(reason))])
            }
        }
        return .ask(inquiry, meanwhile: meanwhile)
    }

    private func take(_ answer: JSONValue, about digest: TokenDigest, of issuer: GatePolicy.Issuer, now: Double) {
        do throws(TokenFault) {
            let claims = try TokenClaims(introspection: answer, of: issuer, now: now, trust: Self.trust)
            guard now < claims.expires + leeway else { throw TokenFault("the token has expired") }
            vouched.insert(claims, for: digest, now: now, until: min(claims.expires + leeway, now + Self.trust))
        } catch {
            refused.insert(error, for: digest, now: now, until: now + Self.distrust)
        }
    }
}
