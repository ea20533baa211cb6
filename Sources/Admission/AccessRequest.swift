/// What the edge tells about one request of a client. Headers that may be there more than once keep
/// all their values, because "exactly one" is part of the rules.
package struct AccessRequest: Sendable, Equatable {
    /// Every value of `X-Convoy-Pool`; the edge sets it, so more or fewer than one is a broken edge.
    package var pools: [String]
    /// `POST`, `GET` or `DELETE`.
    package var method: String
    /// Raw, as the client sent it; empty without one.
    package var query: String
    /// Every value of `Authorization`.
    package var authorization: [String]
    /// Every value of `Origin`.
    package var origins: [String]
    package var host: String
    package var sessionID: String
    package var mcpMethod: String
    package var mcpName: String
    package var protocolVersion: String
    package var requestID: String

    package init(
        pools: [String], method: String, query: String = "", authorization: [String] = [], origins: [String] = [],
        host: String = "", sessionID: String = "", mcpMethod: String = "", mcpName: String = "",
        protocolVersion: String = "", requestID: String = ""
    ) {
        self.pools = pools
        self.method = method
        self.query = query
        self.authorization = authorization
        self.origins = origins
        self.host = host
        self.sessionID = sessionID
        self.mcpMethod = mcpMethod
        self.mcpName = mcpName
        self.protocolVersion = protocolVersion
        self.requestID = requestID
    }
}
