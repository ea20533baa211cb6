import Admission
import Fleet

/// What is left to say of a request that a good token admits: how often its owner may ask, and whose
/// the session is that it names.
package struct OwnerJudge: Sendable {
    package let sessions: SessionTable
    package let rates: RateTable
    private let book = OwnerBook()
    /// 128 random bits.
    private let dice: @Sendable () -> Digest128

    package init(
        sessions: SessionTable, rates: RateTable = RateTable(),
        dice: @escaping @Sendable () -> Digest128 = Self.random
    ) {
        self.sessions = sessions
        self.rates = rates
        self.dice = dice
    }

    /// `now` in seconds since 1970.
    package func settle(_ decision: AdmissionDecision, now: Double) -> AdmissionDecision {
        guard case .admit(var grant) = decision else { return decision }
        let known = book.owner(grant.caller, pool: grant.pool) { sessions.owner(grant.caller, pool: grant.pool) }
        let owner = known.digest
        grant.owner = known.hex
        // Before the session is looked at: whoever tries ids is slowed down.
        if let limit = grant.rate, let wait = rates.take(owner, limit, now: now) {
            return .forbid(
                challenge: nil, word: .rate, caller: grant.caller, reason: "more requests than the pool lets one do",
                retryAfter: wait)
        }
        switch grant.session {
        case .none, .ignored: break
        case .fresh(let groups):
            let id = dice().hex
            let home = SessionHome(pool: grant.pool, tag: nil)
            guard
                sessions.register(sessions.digest(id, pool: grant.pool), owner: owner, home: home, now: now)
                    == .registered
            else { return Self.unknown(grant.caller, "the new session's id was taken") }
            grant.newSession = id
            grant.sessionGroup = SessionRoutes.preferred(of: groups, for: id)
        case .held(let id, let ends):
            let session = sessions.digest(id, pool: grant.pool)
            switch sessions.holder(of: session, asking: owner, now: now) {
            case .nobody: return Self.unknown(grant.caller, "the session is not known")
            case .somebodyElse: return Self.unknown(grant.caller, "the session is somebody else's")
            case .owner:
                if ends { sessions.forget(session) } else if grant.closesSession { sessions.close(session) }
            }
        }
        return .admit(grant)
    }

    /// Outside there is one answer for both: whether a session exists is nobody else's business.
    private static func unknown(_ caller: Caller, _ reason: String) -> AdmissionDecision {
        .forbid(challenge: nil, word: .session, caller: caller, reason: reason)
    }

    package static let random: @Sendable () -> Digest128 = {
        var random = SystemRandomNumberGenerator()
        return Digest128(high: random.next(), low: random.next())
    }
}
