import ArgumentParser
import Console
import Control
import Edge
import Fleet
import Foundation
import Gate
import Ledger
import MongoDB
import Operations
import Ports
import Probes
import Releases
import Supervision
import Systemd

struct Supervise: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The daemon that starts, watches, proves and heals this host's instances.",
        discussion: """
            `convoy up` starts it. Killed and started again it adopts what runs: no instance is \
            restarted. TERM ends the daemon and leaves the fleet running; `convoy down` ends the fleet.
            """)

    @OptionGroup var root: RootOption

    func run() async throws {
        let layout = FleetLayout(root: Workplace.absolute(root.root))
        let files = PosixFiles()
        let host = try HostBackend(layout: layout)
        if host.isIdleUnit { return try await host.idle() }
        for path in [layout.state, layout.runtime] { try files.makeDirectory(path, mode: 0o755) }
        let lock = try SupervisorLock(path: layout.supervisorLock)
        let prober = MCPProber()
        var ports = try Self.ports(layout, prober, host)
        ports.drift = DriftPorts(
            surveyor: PosixSurveyor(), releases: TreeReleaseSeal(state: layout.state), mender: PosixMender())
        // Only a host of a fleet over several is ever given a user for it.
        ports.left = { try await LedgerReader.left(layout) }
        let supervisor = FleetSupervisor(ports: ports, settings: try Self.settings(layout, host))
        let running = Task { try await supervisor.run() }
        let server = try await ControlServer.start(
            supervisor, drift: supervisor, on: .path(layout.controlSocket),
            guardedBy: MemberGuard(own: Workplace.leases(layout), fence: FenceFile(layout.fence)))
        let interrupts = Interrupts { Foundation.exit(0) }
        let heartbeat = Heartbeat(notify: SystemdNotify()).start(supervisor)
        defer { heartbeat?.cancel() }
        try await running.value
        await server.stop()
        await prober.shutdown()
        withExtendedLifetime((lock, interrupts)) {}
    }

    private static func ports(
        _ layout: FleetLayout, _ prober: MCPProber, _ host: HostBackend
    ) throws -> SupervisorPorts {
        let (processes, units) = try host.processes()
        return SupervisorPorts(
            processes: processes, units: units, prober: prober, proofs: MongoProofSource(),
            edge: NginxEdge(
                configuration: layout.edgeConfiguration, runtime: layout.edgeRuntime,
                logFile: layout.log("edge-error"), runAs: try host.edgeUser()),
            sharedEdge: try host.sharedEdge(),
            certificate: InstalledCertificate(configuration: layout.edgeConfiguration),
            gate: GateClient(socket: layout.gateSocket),
            seal: TreeReleaseSeal(state: layout.state), files: PosixFiles(), sockets: SystemSockets(),
            time: SystemTime(), log: host.log(),
            meter: HostMeter(accessLog: layout.log("edge-access"), errorLog: layout.log("edge-error")),
            rotateLog: { path, limits in
                let policy = LogRotationPolicy(maxBytes: Int64(limits.rotateAt), keep: limits.keep)
                do {
                    _ = try LogRotation(policy: policy).rotate(path)
                } catch {
                    DaemonLog.write("\(error)")
                }
            }, isOutdated: { OwnProgram.isNewer(than: $0) },
            edgeWorkers: { NginxEdge.workers(of: $0) }, dryRunner: host.dryRunner())
    }

    private static func settings(_ layout: FleetLayout, _ host: HostBackend) throws -> SupervisorSettings {
        let executable = DetachedSupervisor.executable
        let isDirect = host.backend == .direct
        return SupervisorSettings(
            layout: layout, executable: executable, version: Convoy.version, pid: getpid(),
            developmentIssuer: { fleet in
                let issuer = try DevelopmentIssuer.load(directory: layout.issuer, fleet: fleet)
                return GatePolicy.Issuer(url: issuer.url, jwks: issuer.jwks)
            },
            gateUser: !isDirect ? nil : Unprivileged.user(for: [layout.configuration, layout.runtime, executable]),
            // Its workers must get through to the gate's socket and to their bodies.
            edgeUser: isDirect && getuid() == 0 && Unprivileged.user(for: [layout.edgeRuntime]) == nil ? "root" : nil,
            edgeWorkers: try isDirect ? Unprivileged.user(for: [layout.edgeRuntime]) : host.edgeUser(),
            localUsers: { try LocalUsers.reaching($0, named: $1) })
    }
}

struct GateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate",
        abstract: "The process that nginx asks about each request.",
        discussion: """
            Started by the supervisor with a listening socket (LISTEN_FDS). It knows public keys and \
            one policy file, and nothing else. HUP reads the policy again.
            """)

    @Option(help: "The policy file.")
    var policy: String

    @Option(help: "Listen on this unix socket instead of an inherited one.")
    var listen: String?

    @Option(help: "A directory of its own for the table of sessions; in memory without it.")
    var sessions: String?

    @Option(help: "The refresher's unix socket.")
    var refresher: String?

    @Option(help: "Write the audit to this file instead of standard error; USR1 opens it anew.")
    var audit: String?

    func run() async throws {
        try await GateServer.run(
            policyFile: policy, listener: listen.map { .path($0) } ?? .inherited,
            log: try audit.map(AuditLog.file) ?? GateJournal.log(), refresher: refresher,
            sessions: try sessions.map { try SessionTable(directory: $0) })
    }
}

/// A line per event on standard error, with the time; the launcher sends it to a file.
enum DaemonLog {
    static func write(_ text: String) {
        Terminal.printError("\(Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))) \(text)\n")
    }
}

/// Whom the gate and nginx's workers become when the supervisor is root: nobody, wherever nobody can
/// reach what they need. A fleet below somebody's private directory keeps its owner's rights instead.
enum Unprivileged {
    static func user(for paths: [String]) -> ProcessPlan.UserAndGroup? {
        guard getuid() == 0, paths.allSatisfy(isReachable) else { return nil }
        return ProcessPlan.UserAndGroup(user: 65534, group: 65534)
    }

    private static func isReachable(_ path: String) -> Bool {
        var current = ""
        for part in path.split(separator: "/") {
            current += "/" + part
            var status = stat()
            guard stat(current, &status) == 0 else { return true }
            if status.st_mode & 0o001 == 0 { return false }
        }
        return true
    }
}
