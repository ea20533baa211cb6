import ArgumentParser
import Console
import Fleet
import Foundation
import Hosts
import Operations
import Planning
import Ports
import Supervision

struct SelfUpdate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Exchange Convoy itself, here or on the fleet's hosts; back by itself where that does harm.",
        discussion: """
            Installs the package, one host after the other: supervisor and gate become the new ones, \
            instances and edge go on, no call fails. A host is healthy when its supervisor answers, has \
            every instance with the pid that it had, and the edge asks a stranger for a token; else, and \
            when nobody confirms in time, it installs the package again that it had. That is done by a \
            timer there, also when this command is killed. The first host that goes back is the last.

              convoy self-update --package convoy_0.2.0_amd64.deb             # this machine, as root
              convoy self-update --hosts --package convoy_0.2.0_amd64.deb --dry-run
              convoy self-update --hosts --package convoy_0.2.0_amd64.deb

            Nothing is changed on any host while one is refused. Exit 0: done; 1: a host went back, failed \
            or is refused; 2 (--dry-run): there is something to do; 69: a host can't be reached; 70: a host \
            could not go back.
            """)

    @Option(help: "Convoy's Debian package, as ops/package makes it.")
    var package: String

    @Flag(help: "The hosts of fleet.yaml, instead of this machine.")
    var hosts = false

    @Option(help: "Only this host of fleet.yaml. May be repeated.")
    var host: [String] = []

    @Option(name: .shortAndLong, help: "The fleet's file, for --hosts.")
    var file = "fleet.yaml"

    @Option(help: "Seconds after which an unconfirmed update is taken back.")
    var window = 180

    @Flag(help: "Examine the hosts and print what would be done; change nothing there.")
    var dryRun = false

    @Option(help: "Configuration of ssh, instead of yours. (CONVOY_SSH_CONFIG)")
    var sshConfig: String?

    @OptionGroup var output: JSONOption

    func validate() throws {
        guard (30...3600).contains(window) else { throw ValidationError("--window takes 30 to 3600 seconds.") }
    }

    func run() async throws {
        let (package, parcel) = try PackageFile.read(package)
        let wish = UpdateWish(package: package, window: Seconds(Double(window)))
        let workplace = Workplace(file: file, root: "/")
        let progress = TerminalProgress(terminal: workplace.terminal, isQuiet: output.json)
        let report: SelfUpdateReport
        if hosts || !host.isEmpty {
            let spec = try SpecFile(path: file, workplace: workplace).load().spec
            let chosen = try ChosenHosts(spec, file: file, verb: "update").named(host)
            let folder = try PrivateFolder()
            defer { folder.remove() }
            let settings = SSHSettings(
                configuration: sshConfig ?? ProcessInfo.processInfo.environment["CONVOY_SSH_CONFIG"],
                sockets: folder.path)
            let ports = ports(OpenSSHDialer(settings), try workplace.context(), progress)
            report = try await SelfUpdateRunner(wish: wish, parcel: parcel, ports: ports, spec: spec)
                .run(chosen, isDry: dryRun)
        } else {
            report = try await here(wish, parcel, progress)
        }
        progress.endDetail()
        Terminal.print(output.json ? try StableJSON.text(report) : SelfUpdateText(report).text)
        if report.hasFault { throw ExitCode(report.exitCode) }
        if dryRun, report.isNeeded { throw ExitCode(Failure.Code.differencesFound.rawValue) }
    }

    private func here(
        _ wish: UpdateWish, _ parcel: BootstrapCargo.Parcel, _ progress: TerminalProgress
    ) async throws -> SelfUpdateReport {
        guard geteuid() == 0 else {
            throw Failure(
                .usage, "cannot update this machine", because: "packages are root's to install",
                next: "run it by sudo; or --hosts for the fleet's hosts")
        }
        let this = HostSpec(name: "this machine", address: "localhost")
        return try await SelfUpdateRunner(
            wish: wish, parcel: parcel, ports: ports(LocalDialer(), nil, progress), spec: nil
        ).run([this], isDry: dryRun)
    }

    private func ports(
        _ dialer: any HostDialer, _ context: FleetContext?, _ progress: TerminalProgress
    ) -> BootstrapPorts {
        let interrupts = Interrupts()
        let certificate = context?.spec.edge.tls.flatMap { try? PosixFiles().read($0.certificate) }
        return BootstrapPorts(
            dialer: dialer, visitor: WireVisitor(roots: certificate.map { Array($0.utf8) }), time: SystemTime(),
            progress: progress, isInterrupted: { interrupts.happened })
    }
}

/// Hosts of a fleet that a verb was told to work on.
struct ChosenHosts {
    private let hosts: [HostSpec]
    private let file: String
    private let verb: String

    init(_ spec: FleetSpec, file: String, verb: String) throws {
        guard !spec.hosts.isEmpty else {
            throw Failure(
                .badSpec, "cannot \(verb)", because: "\(file) names no hosts",
                next: "add hosts: {web-1: {address: ..., ssh: USER@HOST}}")
        }
        (hosts, self.file, self.verb) = (spec.hosts, file, verb)
    }

    /// All of them for no names.
    func named(_ names: [String]) throws -> [HostSpec] {
        if let stranger = names.first(where: { name in !hosts.contains { $0.name == name } }) {
            throw Failure(
                .usage, "cannot \(verb) \(stranger)", because: "\(file) has no such host",
                next: "choose from: \(hosts.map(\.name).joined(separator: ", "))")
        }
        return hosts.filter { names.isEmpty || names.contains($0.name) }
    }
}
