import Fleet

/// What admits to one pool, with every header text that does not depend on the request made ready.
package struct PoolRule: Sendable, Equatable {
    /// The group of a pool that nobody serves: the edge answers 503 there.
    package static let nobody = "convoy_none"

    package let name: String
    package let scope: String
    /// The audience that a token must be made for (RFC 8707), byte for byte.
    package let resource: String
    package let group: String
    private let routes: SessionRoutes
    private let also: Also?
    private let metadata: String
    private let tools: ToolJudge?
    private let clients: [AddressBlock]?
    private let rate: RateLimit?
    private let closesConnections: Bool

    package init(_ pool: GatePolicy.Pool, url: String, closesConnections: Bool = false) {
        name = pool.name
        scope = pool.scope
        resource = "\(url)/\(pool.name)/mcp"
        group = pool.active.map { "\(pool.name)_\($0.rawValue)" } ?? Self.nobody
        routes = SessionRoutes(pool, colour: pool.active)
        also = pool.also.map { Also($0, pool) }
        metadata = "\(url)/.well-known/oauth-protected-resource/\(pool.name)/mcp"
        tools = pool.tools.map { ToolJudge($0, comparesHeaders: pool.comparesHeaders) }
        clients = pool.clients
        rate = pool.rate
        self.closesConnections = closesConnections
    }

    /// Nil when the pool takes requests from there. An address that is not told, or can't be read, is
    /// nobody's.
    func clientRefusal(_ address: String) -> AdmissionDecision? {
        guard let clients else { return nil }
        if let bytes = IPAddress.bytes(address), clients.contains(where: { $0.contains(bytes) }) { return nil }
        return .forbid(
            challenge: nil, word: .client, caller: nil, reason: "requests from this address are not admitted")
    }

    /// The end of every examination: the token is good and its scope admits.
    func conclude(_ request: AccessRequest, for caller: Caller) -> AdmissionDecision {
        if let reason = tools?.refusal(of: request) {
            return .forbid(challenge: nil, word: .tool, caller: caller, reason: reason)
        }
        // Decided here, where the caller is known: one that is sent there once is sent there always.
        let other = also.flatMap { $0.split.takes(caller) ? $0 : nil }
        let (session, sessionGroup) = (other?.routes ?? routes).route(request)
        if case .held(let id, _) = session, !SessionID.isWellFormed(id) {
            return .forbid(challenge: nil, word: .session, caller: caller, reason: "the session id is malformed")
        }
        return .admit(
            Grant(
                caller: caller, pool: name, group: other?.group ?? group, sessionGroup: sessionGroup, session: session,
                rate: rate,
                closesSession: request.method.isExactly("DELETE"), closesConnection: closesConnections))
    }

    /// Where a part of the callers goes.
    private struct Also: Sendable, Equatable {
        let split: TrafficSplit
        let group: String
        let routes: SessionRoutes

        init(_ also: GatePolicy.Pool.Also, _ pool: GatePolicy.Pool) {
            split = TrafficSplit(part: also.part, seed: also.seed)
            group = "\(pool.name)_\(also.colour.rawValue)"
            routes = SessionRoutes(pool, colour: also.colour)
        }
    }

    /// RFC 9728, 5.1; no error attribute for who brought no token (RFC 6750, 3.1).
    func challenge(_ fault: TokenFault?) -> AdmissionDecision {
        var header =
            "Bearer resource_metadata=" + HeaderText.quoted(metadata) + ", scope=" + HeaderText.quoted(scope)
        if let fault {
            header += ", error=\"invalid_token\", error_description=" + HeaderText.quoted(fault.reason)
        }
        return .challenge(header: header, reason: fault?.reason ?? "no token")
    }

    func insufficientScope(_ caller: Caller) -> AdmissionDecision {
        let header =
            "Bearer error=\"insufficient_scope\", scope=" + HeaderText.quoted(scope) + ", resource_metadata="
            + HeaderText.quoted(metadata)
        return .forbid(
            challenge: header, word: .scope, caller: caller, reason: "the token's scope does not admit to this pool")
    }
}
