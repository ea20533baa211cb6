/// All that the edge's configuration depends on. Equal plans render equal bytes, and equal bytes
/// need no reload.
package struct EdgePlan: Sendable, Equatable, Codable {
    package var fleet: String
    package var edge: EdgeSpec
    package var pools: [Pool]
    package var paths: Paths
    /// Whom the workers run as when nginx is started by root; `nobody` (nginx's own choice) when absent.
    package var user: String?
    /// Whether what the edge's TLS needs is installed with the configuration, as `tls/certificate.pem`,
    /// `tls/key.pem`, `tls/clients.pem` and `tls/stapling.der`, so that what runs never depends on a renewal
    /// that is half done; else nginx reads it where the spec says.
    package var installsCertificate: Bool

    package struct Pool: Sendable, Equatable, Codable {
        package var name: String
        package var scope: String
        package var upstreamPath: String
        package var slots: [Slot]
        /// Value of `Host` towards the instances; `127.0.0.1` when absent. One for the whole pool: nginx
        /// fixes it before it chooses a server, so it can't hold a port.
        package var upstreamHost: String?
        /// Bytes that the body of a request may have; 4 MiB when absent.
        package var bodyLimit: Int?

        package init(
            name: String, scope: String, upstreamPath: String, slots: [Slot], upstreamHost: String? = nil,
            bodyLimit: Int? = nil
        ) {
            self.name = name
            self.scope = scope
            self.upstreamPath = upstreamPath
            self.slots = slots
            self.upstreamHost = upstreamHost
            self.bodyLimit = bodyLimit
        }
    }

    /// One slot of one colour: an upstream server on 127.0.0.1.
    package struct Slot: Sendable, Equatable, Codable {
        package var colour: Colour
        package var slot: Int
        package var port: Int
        /// False = `down`: gets nothing new, not even as the last resort.
        package var inRotation: Bool
        /// Out of rotation, and yet the calls of sessions that it opened are its own.
        package var drains: Bool

        package init(colour: Colour, slot: Int, port: Int, inRotation: Bool, drains: Bool = false) {
            self.colour = colour
            self.slot = slot
            self.port = port
            self.inRotation = inRotation
            self.drains = drains
        }
    }

    package struct Paths: Sendable, Equatable, Codable {
        /// Directory the configuration is installed in.
        package var configuration: String
        /// Unix socket of the gate.
        package var gateSocket: String
        /// Writable directory: pid file, temporary bodies.
        package var runtime: String
        package var accessLog: String
        package var errorLog: String

        package init(
            configuration: String, gateSocket: String, runtime: String, accessLog: String, errorLog: String
        ) {
            self.configuration = configuration
            self.gateSocket = gateSocket
            self.runtime = runtime
            self.accessLog = accessLog
            self.errorLog = errorLog
        }
    }

    package init(
        fleet: String, edge: EdgeSpec, pools: [Pool], paths: Paths, user: String? = nil,
        installsCertificate: Bool = false
    ) {
        self.fleet = fleet
        self.edge = edge
        self.pools = pools
        self.paths = paths
        self.user = user
        self.installsCertificate = installsCertificate
    }
}
