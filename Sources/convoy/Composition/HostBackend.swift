import ArgumentParser
import Edge
import Fleet
import Foundation
import Ports
import Supervision
import Systemd

extension Backend: ExpressibleByArgument {}

/// What stands behind the ports on this host: child processes, or systemd.
struct HostBackend {
    let layout: FleetLayout
    let backend: Backend
    private let files = PosixFiles()

    init(layout: FleetLayout) throws {
        self.layout = layout
        let text = try files.read(layout.backend)
        guard let backend = Backend(file: text, natural: Self.natural(layout)) else {
            throw Failure(
                .failed, "cannot tell which backend this host has", because: "\(layout.backend) says another word",
                next: "write `direct` or `systemd` into it")
        }
        self.backend = backend
    }

    /// Where Convoy's package is on a host with systemd, root's fleet is systemd's. The supervisor's unit and the
    /// verbs must think alike before anybody has chosen.
    private static func natural(_ layout: FleetLayout) -> Backend {
        let signs = ["/run/systemd/system", "/usr/lib/systemd/system/" + SystemdSupervisor.unit]
        let isHost = layout.root.isEmpty && getuid() == 0
        return isHost && signs.allSatisfy(FileManager.default.fileExists) ? .systemd : .direct
    }

    /// Kept for every later verb, and for the supervisor. A host that serves keeps what it has.
    func choose(_ wish: Backend) async throws {
        guard wish != backend else { return try write(wish) }
        guard try !ListeningSocket.answers(layout.controlSocket) || files.list(layout.generations).isEmpty else {
            throw Failure(
                .failed, "cannot change the backend to \(wish.rawValue)",
                because: "the fleet runs on the \(backend.rawValue) one", next: "`convoy down`, then `convoy up` again")
        }
        if wish == .systemd { try await checkSystemd() }
        try write(wish)
        // An idle one of the other kind.
        if wish == .direct { try await SystemdUnits().stop(SystemdSupervisor.unit) }
        if wish == .systemd { try await SystemdUnits().restart(SystemdSupervisor.unit) }
    }

    private func write(_ wish: Backend) throws {
        try files.makeDirectory(layout.configuration, mode: 0o755)
        try files.write(layout.backend, wish.rawValue + "\n", mode: 0o644)
    }

    private func checkSystemd() async throws {
        guard layout.root.isEmpty, getuid() == 0 else {
            throw Failure(
                .usage, "cannot use the systemd backend",
                because: getuid() == 0 ? "units know no other root than /" : "only root may write units",
                next: "run it as root and without --root, or use --backend direct")
        }
        guard try await SystemdUnits().isInstalled(SystemdSupervisor.unit) else {
            throw Failure(
                .unavailable, "cannot use the systemd backend", because: "Convoy's units are not installed here",
                next: "install Convoy's Debian package on this host")
        }
    }

    /// Whether this is the package's unit on a host whose fleet is none of systemd's: whatever it would start would
    /// die with it.
    var isIdleUnit: Bool {
        backend == .direct && layout.root.isEmpty && ProcessInfo.processInfo.environment["NOTIFY_SOCKET"] != nil
    }

    /// Says that it is well, and does nothing else until it is told to end.
    func idle() async throws {
        let notify = SystemdNotify()
        notify.ready("idle: \(layout.backend) says direct")
        while true {
            notify.alive()
            try await Task.sleep(for: notify.pace?.duration ?? .seconds(3600))
        }
    }

    func processes() throws -> (any ProcessBackend, (any UnitHost)?) {
        guard backend == .systemd else { return (try DirectProcesses(), nil) }
        let processes = try SystemdProcesses(files: files)
        return (processes, processes)
    }

    func dryRunner() -> any DryRunner {
        backend == .systemd ? ProgramDryRun(in: DryRunSandbox.command) : ProgramDryRun()
    }

    func launcher() throws -> any SupervisorLauncher {
        backend == .systemd
            ? SystemdSupervisor(layout: layout, units: try SystemdUnits()) : DetachedSupervisor(layout: layout)
    }

    func vault() throws -> (any CredentialVault)? { backend == .systemd ? SystemdVault(files: files) : nil }

    /// The nginx that includes a file of ours, as a daemon in its sandbox can have it.
    func sharedEdge() throws -> @Sendable (String) -> any EdgeServer {
        guard backend == .systemd else { return { [layout] in Workplace.sharedEdge(layout, $0) } }
        let units = try SystemdUnits()
        let helper = IncludeHelper(layout: layout)
        return { [layout] file in
            IncludeEdge(
                configuration: layout.edgeConfiguration, includeFile: file, gateSocket: layout.gateSocket,
                delegate: { try await helper.perform($0, file, by: units) })
        }
    }

    /// Whose the edge's files and the gate's socket are; nil on the direct backend.
    func edgeUser() throws -> ProcessPlan.UserAndGroup? {
        guard backend == .systemd else { return nil }
        guard let entry = getpwnam("convoy-edge") else {
            throw Failure(
                .unavailable, "cannot run the edge", because: "the user convoy-edge is missing",
                next: "`systemd-sysusers` makes it, as Convoy's Debian package does")
        }
        return ProcessPlan.UserAndGroup(user: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
    }

    func log() -> @Sendable (String) -> Void {
        guard backend == .systemd else { return { DaemonLog.write($0) } }
        let journal = JournalLog(daemon: "supervisor")
        return { journal.write($0) }
    }
}
