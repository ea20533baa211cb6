/// What becomes of a request, as the edge is told it.
package enum AdmissionDecision: Sendable, Equatable {
    /// 204: who it is, and who serves.
    case admit(Grant)
    /// 401: come back with a (better) token. The challenge is the whole `WWW-Authenticate`.
    case challenge(header: String, reason: String)
    /// 403: another token could help, if there is a challenge; nothing helps, if there is none.
    case forbid(challenge: String?, word: Refusal, caller: Caller?, reason: String, retryAfter: Int? = nil)
    /// 503: nobody can tell now whether the token is good, so nobody is let in or sent for another.
    case unavailable(reason: String)

    /// Why a request is refused for good, in one word: `X-Convoy-Reason`. The edge makes 404 of
    /// `session`, 429 of `rate` and 400 of `malformed`; the others stay 403.
    package enum Refusal: String, Sendable, Equatable {
        case origin, pool, method, scope, request, session, tool, client, rate, malformed
    }

    package var status: Int {
        switch self {
        case .admit: 204
        case .challenge: 401
        case .forbid: 403
        case .unavailable: 503
        }
    }

    /// Names and values are printable ASCII by construction.
    package var headers: [(name: String, value: String)] {
        switch self {
        case .admit(let grant): grant.headers
        case .challenge(let header, _): [("WWW-Authenticate", header)]
        case .unavailable: []
        case .forbid(let challenge, let word, _, _, let retryAfter):
            (challenge.map { [("WWW-Authenticate", $0)] } ?? []) + [("X-Convoy-Reason", word.rawValue)]
                + (retryAfter.map { [("X-Convoy-Retry-After", String($0))] } ?? [])
        }
    }

    /// For the audit; empty when admitted.
    package var reason: String {
        switch self {
        case .admit: ""
        case .challenge(_, let reason), .forbid(_, _, _, let reason, _), .unavailable(let reason): reason
        }
    }

    package var caller: Caller? {
        switch self {
        case .admit(let grant): grant.caller
        case .challenge, .unavailable: nil
        case .forbid(_, _, let caller, _, _): caller
        }
    }
}

/// For whom a verified token speaks. Both texts are visible ASCII; the same subject of two issuers is
/// two callers.
package struct Caller: Sendable, Hashable {
    package var issuer: String
    package var subject: String

    package init(issuer: String, subject: String) {
        self.issuer = issuer
        self.subject = subject
    }
}
