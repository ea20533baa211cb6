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
        /// Who gets a part of the new traffic beside the active colour; nil = nobody.
        package var also: Also?
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
        /// Whose instances go on with the sessions that any of them can serve, where nobody new is served (`active`
        /// nil); nil = nobody's.
        package var keeps: Colour?

        /// A part of a pool's callers: which of them is a hash of who they are, so that nobody is sent now to
        /// one version and now to the other.
        package struct Also: Sendable, Equatable, Codable {
            package var colour: Colour
            /// 0...1, of the callers.
            package var part: Double
            /// Goes into the hash: the next time it meets others.
            package var seed: Int

            package init(colour: Colour, part: Double, seed: Int) {
                self.colour = colour
                self.part = part
                self.seed = seed
            }
        }

        package init(
            name: String, scope: String, active: Colour?, sessions: [String] = [], also: Also? = nil,
            tools: ToolRule? = nil, comparesHeaders: Bool = false, clients: [AddressBlock]? = nil,
            rate: RateLimit? = nil, sessionsAreExternal: Bool = false, keeps: Colour? = nil
        ) {
            self.name = name
            self.scope = scope
            self.active = active
            self.sessions = sessions
            self.also = also
            self.tools = tools
            self.comparesHeaders = comparesHeaders
            self.clients = clients
            self.rate = rate
            self.sessionsAreExternal = sessionsAreExternal
            self.keeps = keeps
        }

        /// Absent is what a policy of an older release says of what it does not know.
        package init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                name: try values.decode(String.self, forKey: .name),
                scope: try values.decode(String.self, forKey: .scope),
                active: try values.decodeIfPresent(Colour.self, forKey: .active),
                sessions: try values.decode([String].self, forKey: .sessions),
                also: try values.decodeIfPresent(Also.self, forKey: .also),
                tools: try values.decodeIfPresent(ToolRule.self, forKey: .tools),
                comparesHeaders: try values.decodeIfPresent(Bool.self, forKey: .comparesHeaders) ?? false,
                clients: try values.decodeIfPresent([AddressBlock].self, forKey: .clients),
                rate: try values.decodeIfPresent(RateLimit.self, forKey: .rate),
                sessionsAreExternal: try values.decodeIfPresent(Bool.self, forKey: .sessionsAreExternal) ?? false,
                keeps: try values.decodeIfPresent(Colour.self, forKey: .keeps))
        }
    }
}
