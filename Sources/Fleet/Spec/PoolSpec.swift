/// Instances that serve the same data to the same audience, and what that audience may do.
package struct PoolSpec: Sendable, Equatable, Codable {
    package var name: String
    /// 1...64
    package var replicas: Int
    package var databases: [DatabaseGrant]
    /// OAuth scope that admits to this pool.
    package var scope: String
    /// Absent: every tool that the server offers.
    package var tools: ToolRule?
    /// Where clients may come from; absent: from everywhere. Never empty.
    package var clients: [AddressBlock]?
    package var limits: LimitsSpec?
    /// Of each of its instances; what it leaves unsaid is the server's.
    package var resources: ResourcesSpec?

    package init(
        name: String, replicas: Int, databases: [DatabaseGrant], scope: String, tools: ToolRule? = nil,
        clients: [AddressBlock]? = nil, limits: LimitsSpec? = nil, resources: ResourcesSpec? = nil
    ) {
        self.name = name
        self.replicas = replicas
        self.databases = databases
        self.scope = scope
        self.tools = tools
        self.clients = clients
        self.limits = limits
        self.resources = resources
    }
}

/// One role on one database: what an instance's user may do, and nothing else.
package struct DatabaseGrant: Sendable, Hashable, Codable {
    package var database: String
    package var role: String

    package init(database: String, role: String) {
        self.database = database
        self.role = role
    }
}

/// How much one client may ask.
package struct LimitsSpec: Sendable, Equatable, Codable {
    /// Requests of one subject; absent: no limit.
    package var rate: RateLimit?
    /// Bytes that the body of a request may have; absent: the edge's own limit.
    package var body: Int?

    package init(rate: RateLimit? = nil, body: Int? = nil) {
        self.rate = rate
        self.body = body
    }
}

/// A bucket of `burst` requests that is filled again at `perSecond`.
package struct RateLimit: Sendable, Hashable, Codable {
    /// Above 0.
    package var perSecond: Double
    /// At least 1.
    package var burst: Int

    package init(perSecond: Double, burst: Int) {
        self.perSecond = perSecond
        self.burst = burst
    }
}
