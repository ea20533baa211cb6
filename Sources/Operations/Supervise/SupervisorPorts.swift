import Fleet
import Ports

/// All that a supervisor needs of the world.
package struct SupervisorPorts: Sendable {
    package var processes: any ProcessBackend
    /// Nil on the direct backend.
    package var units: (any UnitHost)?
    package var prober: any InstanceProber
    package var proofs: any ProofSource
    /// The fleet's own nginx.
    package var edge: any EdgeServer
    /// The nginx that is there already, by the file that it includes: `edge.mode: include`.
    package var sharedEdge: @Sendable (_ includeFile: String) -> any EdgeServer
    /// Nil leaves certificates to nginx alone.
    package var certificate: (any EdgeCertificate)?
    package var gate: any GateProbe
    package var seal: any ReleaseSeal
    package var files: any FileStore
    package var sockets: any Sockets
    package var time: any Timepiece
    package var log: @Sendable (String) -> Void
    /// Nil tells no figures.
    package var meter: (any InstanceMeter)?
    /// Rotates a log when it is too long; a failure is logged, never thrown.
    package var rotateLog: @Sendable (_ path: String, _ limits: LogsSpec) -> Void
    /// Nil: nobody looks for drift.
    package var drift: DriftPorts?
    /// Whether a daemon of Convoy's, which an earlier supervisor started, is an older program than this one.
    package var isOutdated: @Sendable (ProcessRecord) -> Bool
    /// Ids of the workers of the nginx with this main process; empty where nobody can tell.
    package var edgeWorkers: @Sendable (_ master: Int32) -> Set<Int32>
    /// Nil: no server is asked for its opinion before it is started.
    package var dryRunner: (any DryRunner)?

    package init(
        processes: any ProcessBackend, units: (any UnitHost)? = nil, prober: any InstanceProber,
        proofs: any ProofSource, edge: any EdgeServer,
        sharedEdge: @escaping @Sendable (_ includeFile: String) -> any EdgeServer,
        certificate: (any EdgeCertificate)? = nil, gate: any GateProbe, seal: any ReleaseSeal, files: any FileStore,
        sockets: any Sockets,
        time: any Timepiece, log: @escaping @Sendable (String) -> Void, meter: (any InstanceMeter)? = nil,
        rotateLog: @escaping @Sendable (String, LogsSpec) -> Void = { _, _ in },
        isOutdated: @escaping @Sendable (ProcessRecord) -> Bool = { _ in false },
        edgeWorkers: @escaping @Sendable (Int32) -> Set<Int32> = { _ in [] }, dryRunner: (any DryRunner)? = nil
    ) {
        self.processes = processes
        self.units = units
        self.prober = prober
        self.proofs = proofs
        self.edge = edge
        self.sharedEdge = sharedEdge
        self.certificate = certificate
        self.gate = gate
        self.seal = seal
        self.files = files
        self.sockets = sockets
        self.time = time
        self.log = log
        self.meter = meter
        self.rotateLog = rotateLog
        self.isOutdated = isOutdated
        self.edgeWorkers = edgeWorkers
        self.dryRunner = dryRunner
    }
}

/// What a supervisor is told when it is started.
package struct SupervisorSettings: Sendable {
    package var layout: FleetLayout
    /// Path of the `convoy` binary, for the gate.
    package var executable: String
    package var version: String
    /// Its own, for the status.
    package var pid: Int32
    /// Public keys of the development issuer: JWKS text and issuer URL; nil when there is none.
    package var developmentIssuer: @Sendable (_ fleet: String) throws -> GatePolicy.Issuer
    /// Whom the gate becomes when the supervisor is root.
    package var gateUser: ProcessPlan.UserAndGroup?
    /// Whom nginx's workers become when the supervisor is root; nil leaves nginx's own choice, nobody.
    package var edgeUser: String?
    /// Whom nginx's workers are, if not whom the supervisor is: they alone may ask the gate.
    package var edgeWorkers: ProcessPlan.UserAndGroup?
    /// Numbers of who listens on these ports, and of the users with these names; nil while nobody listens.
    package var localUsers: @Sendable (_ ports: [Int], _ names: [String]) throws -> [UInt32]?
    /// How long clients are asked to close their connections before a reload of nginx: who calls at least so
    /// often has no idle one left.
    package var closing: Seconds

    package init(
        layout: FleetLayout, executable: String, version: String, pid: Int32,
        developmentIssuer: @escaping @Sendable (String) throws -> GatePolicy.Issuer,
        gateUser: ProcessPlan.UserAndGroup?, edgeUser: String? = nil,
        edgeWorkers: ProcessPlan.UserAndGroup? = nil,
        localUsers: @escaping @Sendable ([Int], [String]) throws -> [UInt32]? = { _, _ in nil },
        closing: Seconds = 1
    ) {
        self.layout = layout
        self.executable = executable
        self.version = version
        self.pid = pid
        self.developmentIssuer = developmentIssuer
        self.gateUser = gateUser
        self.edgeUser = edgeUser
        self.edgeWorkers = edgeWorkers
        self.localUsers = localUsers
        self.closing = closing
    }
}
