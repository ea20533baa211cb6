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
    /// The client's IP address as the edge sees it; empty when it does not say.
    package var client: String
    /// The certificate that the client proved to hold, as nginx's `$ssl_client_escaped_cert`: PEM in
    /// percent signs. Empty without one, or when it was not verified.
    package var clientCertificate: String

    package init(
        pools: [String], method: String, query: String = "", authorization: [String] = [], origins: [String] = [],
        host: String = "", sessionID: String = "", mcpMethod: String = "", mcpName: String = "",
        protocolVersion: String = "", requestID: String = "", client: String = "", clientCertificate: String = ""
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
        self.client = client
        self.clientCertificate = clientCertificate
    }
}
