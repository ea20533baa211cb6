/// All that the gate knows. Written by the supervisor, read by the gate at its start and on HUP. No
/// secret is in it: public keys only.
package struct GatePolicy: Sendable, Equatable, Codable {
    /// Counts up with each change; the gate tells which one it applies.
    package var revision: Int
    /// `edge.url`, without a trailing slash.
    package var url: String
    package var pools: [Pool]
    package var issuers: [Issuer]
    /// Clock difference that is forgiven in `exp` and `nbf`.
    package var leeway: Seconds

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

        package init(name: String, scope: String, active: Colour?, sessions: [String] = []) {
            self.name = name
            self.scope = scope
            self.active = active
            self.sessions = sessions
        }
    }

    package struct Issuer: Sendable, Equatable, Codable {
        package var url: String
        /// A JWKS document (RFC 7517) with public keys.
        package var jwks: JSONValue

        package init(url: String, jwks: JSONValue) {
            self.url = url
            self.jwks = jwks
        }
    }

    package init(revision: Int, url: String, pools: [Pool], issuers: [Issuer], leeway: Seconds = 30) {
        self.revision = revision
        self.url = url
        self.pools = pools
        self.issuers = issuers
        self.leeway = leeway
    }
}
