import Admission

/// `POST /session`: the edge tells, before the client hears of it, that a server has opened a session.
struct SessionRoute: Sendable {
    let sessions: SessionTable

    /// 204 registered, 409 it is somebody else's (and nobody's from now on), 400 malformed, 404 no such pool.
    func answer(_ question: Question, pools: (String) -> Bool, now: Double) -> GateAnswer {
        let (named, owners, id) = (question.access.pools, question.owners, question.access.sessionID)
        guard named.count == 1, owners.count == 1, let owner = Digest128(hex: owners[0]), SessionID.isWellFormed(id)
        else { return GateAnswer(status: 400) }
        guard pools(named[0]) else { return GateAnswer(status: 404) }
        let home = SessionHome(pool: named[0], id: id)
        switch sessions.register(sessions.digest(id, pool: named[0]), owner: owner, home: home, now: now) {
        case .registered: return GateAnswer(status: 204)
        case .taken: return GateAnswer(status: 409)
        }
    }
}
