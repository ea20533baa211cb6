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
    /// nginx is about to be reloaded, which closes idle connections: clients are asked to close theirs first.
    /// Absent: they are not.
    package var closesConnections: Bool?

    package init(
        revision: Int, url: String, pools: [Pool], issuers: [Issuer], leeway: Seconds = 30,
        closesConnections: Bool? = nil
    ) {
        self.revision = revision
        self.url = url
        self.pools = pools
        self.issuers = issuers
        self.leeway = leeway
        self.closesConnections = closesConnections
    }
}
