import ArgumentParser
import Console
import Fleet
import Foundation
import Hosts
import Operations
import Planning
import Supervision

struct Bootstrap: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make bare Debian hosts members of the fleet, over ssh.",
        discussion: """
            Examines every host of fleet.yaml first, and changes none unless all can be: then installs \
            Convoy's package, ships the release (verified there by its digest), fleet.yaml and what it \
            names by relative paths, brings the fleet up, proves it, loads firewall rules that go by \
            themselves unless a new login succeeds, and looks at the edge from outside.

              convoy bootstrap --package convoy_0.1.0_amd64.deb --dry-run
              convoy bootstrap --package convoy_0.1.0_amd64.deb
              convoy bootstrap --host web-1       # only this one

            As `ssh` would: your configuration, agent, known_hosts and jump hosts hold. As root, or by \
            sudo without a password. A host whose key is not known is refused. Cut anywhere, run it again: \
            what is done stays done. Exit 0: done; 1: a host failed or is refused; 2 (--dry-run): there is \
            something to do; 69: a host can't be reached.
            """)

    @Argument(help: "The fleet's file; relative paths in it are shipped from beside it.")
    var file = "fleet.yaml"

    @Option(help: "Only this host. May be repeated.")
    var host: [String] = []

    @Option(help: "Convoy's Debian package, as ops/package makes it. Needed where a host has not this convoy yet.")
    var package: String?

    @Option(help: "A directory of .deb files that the package depends on: hosts then ask no mirror.")
    var offline: String?

    @Flag(help: "Examine the hosts and print every change; change nothing there.")
    var dryRun = false

    @Option(help: "Configuration of ssh, instead of yours. (CONVOY_SSH_CONFIG)")
    var sshConfig: String?

    @Option(help: "Directory under which this machine keeps releases.")
    var root = "/"

    @OptionGroup var output: JSONOption

    func run() async throws {
        try finish(with: try await report(isDry: dryRun))
    }

    func finish(with report: BootstrapReport) throws {
        Terminal.print(output.json ? try StableJSON.text(report) : BootstrapText(report).text)
        if report.hasFault { throw ExitCode(report.exitCode) }
        if dryRun, report.hasChange { throw ExitCode(Failure.Code.differencesFound.rawValue) }
    }

    func report(isDry: Bool) async throws -> BootstrapReport {
        let workplace = Workplace(file: file, root: root)
        let context = try workplace.context()
        let spec = try SpecFile(path: file, workplace: workplace).load().spec
        let hosts = try chosen(spec)
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let folder = try PrivateFolder()
        defer { folder.remove() }
        let (wish, cargo) = try await packed(workplace, context, spec, progress, folder)
        let interrupts = Interrupts()
        var ports = BootstrapPorts(
            dialer: OpenSSHDialer(
                SSHSettings(
                    configuration: sshConfig ?? ProcessInfo.processInfo.environment["CONVOY_SSH_CONFIG"],
                    sockets: folder.path)),
            visitor: WireVisitor(roots: try spec.edge.tls.flatMap { try bytes(workplace.beside($0.certificate)) }),
            time: SystemTime(), progress: progress, isInterrupted: { interrupts.happened })
        let runner = BootstrapRunner(wish: wish, cargo: cargo, ports: ports)
        var report: BootstrapReport
        if spec.spansHosts, !isDry {
            // Nobody serves before all of them do.
            ports.visitor = NoVisit()
            var first = wish
            first.isForLater = hosts.count == spec.hosts.count
            report = try await BootstrapRunner(wish: first, cargo: cargo, ports: ports).run(hosts, isDry: false)
            if !report.hasFault, first.isForLater {
                try await bringUp(workplace, context, progress)
                report.add(try await runner.run(hosts, isDry: false))
            }
        } else {
            report = try await runner.run(hosts, isDry: isDry)
        }
        progress.endDetail()
        return report
    }

    /// All hosts are members by now: the fleet comes up on all of them, or on none.
    private func bringUp(_ workplace: Workplace, _ context: FleetContext, _ progress: TerminalProgress) async throws {
        if let sshConfig { setenv("CONVOY_SSH_CONFIG", sshConfig, 1) }
        _ = try await workplace.underLease("bootstrap") { lease in
            _ = try await workplace.fleetOperator(context, progress: progress, under: lease).up()
            return try await LedgerReader(workplace: workplace, context: context, progress: progress)
                .ensure(under: lease)
        }
    }

    private func chosen(_ spec: FleetSpec) throws -> [HostSpec] {
        guard !spec.hosts.isEmpty else {
            throw Failure(
                .badSpec, "cannot bootstrap", because: "\(file) names no hosts",
                next: "add hosts: {web-1: {address: ..., ssh: USER@HOST}}; for this machine there is `convoy up`")
        }
        if let stranger = host.first(where: { name in !spec.hosts.contains { $0.name == name } }) {
            throw Failure(
                .usage, "cannot bootstrap \(stranger)", because: "\(file) has no such host",
                next: "choose from: \(spec.hosts.map(\.name).joined(separator: ", "))")
        }
        return spec.hosts.filter { host.isEmpty || host.contains($0.name) }
    }

    private func packed(
        _ workplace: Workplace, _ context: FleetContext, _ spec: FleetSpec, _ progress: TerminalProgress,
        _ folder: PrivateFolder
    ) async throws -> (BootstrapWish, BootstrapCargo) {
        let packing = BootstrapPacking(workplace: workplace, progress: progress, folder: folder.path)
        let package = try packing.package(package)
        let bundle = try packing.bundle(offline)
        let (locked, release) = try await packing.release(context)
        // After the release was locked: the lock is shipped, too.
        let load = BootstrapLoad(workplace: workplace, spec: spec)
        let letters = try load.letters()
        let wish = BootstrapWish(
            spec: spec, version: Convoy.version, package: package?.0, release: locked,
            files: Dictionary(letters.map { ($0.path, $0.digest) }) { first, _ in first }, ownFiles: load.ownFiles,
            programs: try packing.programs(of: locked, context.profile))
        let cargo = BootstrapCargo(package: package?.1, bundle: bundle, release: release, files: letters)
        return (wish, cargo)
    }

    /// Nil for one that only the hosts have.
    private func bytes(_ path: String) throws -> [UInt8]? {
        try PosixFiles().read(path).map { Array($0.utf8) }
    }
}
