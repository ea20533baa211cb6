/// What becomes of a request, as the edge is told it.
package enum AdmissionDecision: Sendable, Equatable {
    /// 204: who it is, and which group of instances serves: new traffic, and this request's session, if
    /// it has one that is still honoured.
    case admit(subject: String, group: String, sessionGroup: String?)
    /// 401: come back with a (better) token. The challenge is the whole `WWW-Authenticate`.
    case challenge(header: String, reason: String)
    /// 403: another token could help, if there is a challenge; nothing helps, if there is none.
    case forbid(challenge: String?, word: Refusal, subject: String?, reason: String)

    /// Why a request is refused for good, in one word: `X-Convoy-Reason`.
    package enum Refusal: String, Sendable, Equatable { case origin, pool, method, scope, request }

    package var status: Int {
        switch self {
        case .admit: 204
        case .challenge: 401
        case .forbid: 403
        }
    }

    /// Names and values are printable ASCII by construction.
    package var headers: [(name: String, value: String)] {
        switch self {
        case .admit(let subject, let group, let sessionGroup):
            [("X-Convoy-Group", group), ("X-Convoy-Subject", subject)]
                + (sessionGroup.map { [("X-Convoy-Session-Group", $0)] } ?? [])
        case .challenge(let header, _): [("WWW-Authenticate", header)]
        case .forbid(let challenge, let word, _, _):
            (challenge.map { [("WWW-Authenticate", $0)] } ?? []) + [("X-Convoy-Reason", word.rawValue)]
        }
    }

    /// For the audit; empty when admitted.
    package var reason: String {
        switch self {
        case .admit: ""
        case .challenge(_, let reason), .forbid(_, _, _, let reason): reason
        }
    }

    package var subject: String? {
        switch self {
        case .admit(let subject, _, _): subject
        case .challenge: nil
        case .forbid(_, _, let subject, _): subject
        }
    }
}
