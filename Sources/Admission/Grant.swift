import Fleet

/// What an admitted request gets. As the judge hands it out, token and rules are satisfied; whose the
/// session is and how often the caller has asked is for those to say who keep count.
package struct Grant: Sendable, Equatable {
    /// What the request has to do with sessions.
    package enum SessionUse: Sendable, Equatable {
        case none
        /// A request of the modern era names a session: such requests have none, and the name counts
        /// for nothing.
        case ignored
        /// It must be the caller's. `ends`: the request ends it, and the server would make it up again
        /// if it were asked for once more.
        case held(String, ends: Bool)
        /// The gate makes an id, which the server takes; the groups are those of the instances that can.
        case fresh(groups: [String])
    }

    package var caller: Caller
    package var pool: String
    /// New traffic.
    package var group: String
    /// Of the instance that has the session, if it is still honoured.
    package var sessionGroup: String?
    package var session: SessionUse
    package var rate: RateLimit?
    /// 32 hexadecimal digits: pool and caller in one opaque word.
    package var owner: String?
    /// The id that the gate made.
    package var newSession: String?
    /// The client says that it needs its session no more; whether that ends is its server's business.
    package var closesSession: Bool
    /// The client is to open a new connection for its next request.
    package var closesConnection: Bool

    package init(
        caller: Caller, pool: String, group: String, sessionGroup: String? = nil, session: SessionUse = .none,
        rate: RateLimit? = nil, owner: String? = nil, newSession: String? = nil,
        closesSession: Bool = false, closesConnection: Bool = false
    ) {
        self.caller = caller
        self.pool = pool
        self.group = group
        self.sessionGroup = sessionGroup
        self.session = session
        self.rate = rate
        self.owner = owner
        self.newSession = newSession
        self.closesSession = closesSession
        self.closesConnection = closesConnection
    }

    var headers: [(name: String, value: String)] {
        var headers = [(name: "X-Convoy-Group", value: group), ("X-Convoy-Subject", caller.subject)]
        if let sessionGroup { headers.append(("X-Convoy-Session-Group", sessionGroup)) }
        if let owner { headers.append(("X-Convoy-Owner", owner)) }
        if let newSession { headers.append(("X-Convoy-New-Session", newSession)) }
        if closesConnection { headers.append(("X-Convoy-Connection", "close")) }
        return headers
    }
}
