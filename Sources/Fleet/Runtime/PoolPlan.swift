/// What edge and gate must know of one pool.
package struct PoolPlan: Sendable, Equatable, Codable {
    package var name: String
    package var scope: String
    /// Path of the MCP endpoint of the server behind the edge.
    package var upstreamPath: String
    /// Value of `Host` that every instance of the pool accepts.
    package var upstreamHost: String
    package var tools: ToolRule?
    /// Nil = from everywhere.
    package var clients: [AddressBlock]?
    package var limits: LimitsSpec?
    /// Whether session ids come from the edge, not from the instances.
    package var sessionsAreExternal: Bool

    package init(
        name: String, scope: String, upstreamPath: String, upstreamHost: String = "127.0.0.1", tools: ToolRule? = nil,
        clients: [AddressBlock]? = nil, limits: LimitsSpec? = nil, sessionsAreExternal: Bool = false
    ) {
        self.name = name
        self.scope = scope
        self.upstreamPath = upstreamPath
        self.upstreamHost = upstreamHost
        self.tools = tools
        self.clients = clients
        self.limits = limits
        self.sessionsAreExternal = sessionsAreExternal
    }

    /// Plans of older releases, found again after an upgrade, lack what was not yet known.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try values.decode(String.self, forKey: .name), scope: try values.decode(String.self, forKey: .scope),
            upstreamPath: try values.decode(String.self, forKey: .upstreamPath),
            upstreamHost: try values.decode(String.self, forKey: .upstreamHost),
            tools: try values.decodeIfPresent(ToolRule.self, forKey: .tools),
            clients: try values.decodeIfPresent([AddressBlock].self, forKey: .clients),
            limits: try values.decodeIfPresent(LimitsSpec.self, forKey: .limits),
            sessionsAreExternal: try values.decodeIfPresent(Bool.self, forKey: .sessionsAreExternal) ?? false)
    }
}
