extension GatePolicy {
    package struct Pool: Sendable, Equatable, Codable {
        package var name: String
        package var scope: String
        /// Colour whose instances get new traffic: changing it is the flip. Nil = nobody serves.
        package var active: Colour?
        /// Session tags that are still honoured, such as `a1`, `a2`: colour and slot of every instance
        /// that is fit and in the active or the draining generation. A request whose session carries
        /// one goes to the group `POOL_TAG`; any other session is unknown and goes to the active
        /// group, whose server answers 404, upon which the client opens a new session.
        package var sessions: [String]
        package var tools: ToolRule?
        /// Whether every instance speaks the modern era, which obliges it to compare `Mcp-Method` and
        /// `Mcp-Name` with the body. False: nobody can tell which tool a request calls.
        package var comparesHeaders: Bool
        /// Nil = from everywhere.
        package var clients: [AddressBlock]?
        /// For each subject.
        package var rate: RateLimit?
        /// Whether the gate makes the ids of sessions, so that any instance can serve any of them.
        package var sessionsAreExternal: Bool

        package init(
            name: String, scope: String, active: Colour?, sessions: [String] = [], tools: ToolRule? = nil,
            comparesHeaders: Bool = false, clients: [AddressBlock]? = nil, rate: RateLimit? = nil,
            sessionsAreExternal: Bool = false
        ) {
            self.name = name
            self.scope = scope
            self.active = active
            self.sessions = sessions
            self.tools = tools
            self.comparesHeaders = comparesHeaders
            self.clients = clients
            self.rate = rate
            self.sessionsAreExternal = sessionsAreExternal
        }

        /// Absent is what a policy of an older release says of what it does not know.
        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                name: try values.decode(String.self, forKey: .name),
                scope: try values.decode(String.self, forKey: .scope),
                active: try values.decodeIfPresent(Colour.self, forKey: .active),
                sessions: try values.decode([String].self, forKey: .sessions),
                tools: try values.decodeIfPresent(ToolRule.self, forKey: .tools),
                comparesHeaders: try values.decodeIfPresent(Bool.self, forKey: .comparesHeaders) ?? false,
                clients: try values.decodeIfPresent([AddressBlock].self, forKey: .clients),
                rate: try values.decodeIfPresent(RateLimit.self, forKey: .rate),
                sessionsAreExternal: try values.decodeIfPresent(Bool.self, forKey: .sessionsAreExternal) ?? false)
        }
    }
}
