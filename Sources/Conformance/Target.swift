import Fleet

/// One protected MCP endpoint, as its clients know it.
package struct Target: Sendable {
    /// The pool beside this one: what is for it must not open ours.
    package struct Neighbour: Sendable {
        package var audience: String
        package var scope: String

        package init(audience: String, scope: String) {
            self.audience = audience
            self.scope = scope
        }
    }

    /// The endpoint: `https://mcp.example.com/analytics/mcp`. It is also the `resource` of its metadata.
    package let url: EndpointURL
    package let issuer: String
    package let audience: String
    package let scopeClaim: ScopeClaim
    /// What admits; empty for a server that asks for none.
    package let scope: String
    /// A scope that the issuer knows and that doesn't admit here.
    package let wrongScope: String
    package let neighbour: Neighbour?
    /// Whether this is the only resource of its origin, so that the root metadata document must tell of it.
    package let isAlone: Bool
    /// Who the tokens name.
    package let subject: String
    /// What the resource promises besides; nil = nothing is checked about it.
    package let tools: Tools?
    package let rate: RateLimit?
    package let clients: Clients?

    package init(
        url: EndpointURL, issuer: String, audience: String? = nil, scope: String, scopeClaim: ScopeClaim = .standard,
        wrongScope: String? = nil, neighbour: Neighbour? = nil, isAlone: Bool, subject: String = "convoy-verify",
        tools: Tools? = nil, rate: RateLimit? = nil, clients: Clients? = nil
    ) {
        self.url = url
        self.issuer = issuer
        self.audience = audience ?? url.text
        self.scope = scope
        self.scopeClaim = scopeClaim
        self.tools = tools
        self.rate = rate
        self.clients = clients
        self.wrongScope = wrongScope ?? neighbour?.scope ?? "convoy:verify:other"
        self.neighbour = neighbour
        self.isAlone = isAlone
        self.subject = subject
    }

    var otherSubject: String { subject + "-2" }
}
