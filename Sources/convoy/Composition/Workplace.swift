import Console
import Control
import Edge
import Fleet
import Foundation
import Ledger
import MongoDB
import Operations
import Planning
import Ports
import Releases
import Supervision
import Templates

/// Puts the parts together for an operator's verbs: the only place, beside the daemons' own, that
/// knows which adapter stands behind which port.
struct Workplace {
    let layout: FleetLayout
    let file: String
    let terminal = Terminal.current()

    init(_ options: FleetOptions) { self.init(file: options.file, root: options.root) }

    init(file: String, root: String) {
        layout = FleetLayout(root: Self.absolute(root))
        self.file = file
    }

    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : URL(filePath: path).standardizedFileURL.path(percentEncoded: false)
    }

    /// Where `fleet.yaml` is: what relative paths in it are relative to.
    var directory: String {
        URL(filePath: Self.absolute(file)).deletingLastPathComponent().standardizedFileURL.path(percentEncoded: false)
    }

    func beside(_ path: String) -> String {
        path.hasPrefix("/")
            ? path : URL(filePath: directory).appending(path: path).standardizedFileURL.path(percentEncoded: false)
    }

    var lockFile: String { beside("fleet.lock") }

    func profile(_ name: String) throws -> Profile? {
        if name.contains("/") || name.hasSuffix(".yaml") {
            guard let text = try PosixFiles().read(beside(name)) else { return nil }
            return try Profile.parse(text, file: name)
        }
        let override = layout.configuration + "/templates/profiles/\(name).yaml"
        if let text = try PosixFiles().read(override) { return try Profile.parse(text, file: override) }
        return try Templates.profile(name).map { try Profile.parse($0, file: "profiles/\(name).yaml") }
    }

    /// Reads and checks the fleet's files.
    func context() throws -> FleetContext {
        let (spec, profile) = try SpecFile(path: file, workplace: self).load()
        return FleetContext(
            spec: resolved(spec), profile: profile, layout: layout, lockFile: lockFile,
            adminFile: spec.database?.adminFile.map(beside))
    }

    /// Paths in the plan are absolute: the supervisor has another working directory.
    private func resolved(_ spec: FleetSpec) -> FleetSpec {
        var spec = spec
        if let tls = spec.edge.tls {
            spec.edge.tls = tls.map(beside)
        }
        if case .issuers(let issuers) = spec.edge.authorization {
            spec.edge.authorization = .issuers(issuers.map(resolved))
        }
        return spec
    }

    private func resolved(_ issuer: IssuerSpec) -> IssuerSpec {
        var issuer = issuer
        if case .file(let path) = issuer.keys { issuer.keys = .file(beside(path)) }
        if let secret = issuer.introspection?.secretFile { issuer.introspection?.secretFile = beside(secret) }
        return issuer
    }

    static func sharedEdge(_ layout: FleetLayout, _ includeFile: String) -> any EdgeServer {
        IncludeEdge(
            configuration: layout.edgeConfiguration, includeFile: includeFile, gateSocket: layout.gateSocket)
    }

    func fleetOperator(
        _ context: FleetContext, progress: any Ports.Progress,
        journaled: @escaping @Sendable (JournalEntry) -> Void = { _ in }
    ) throws -> FleetOperator {
        let seal = TreeReleaseSeal(state: layout.state)
        let interrupts = Interrupts()
        return FleetOperator(
            ports: OperatorPorts(
                releases: LocalReleaseStore(
                    state: layout.state, directory: directory, seal: seal,
                    environment: ProcessInfo.processInfo.environment),
                users: { MongoUserDirectory(adminURI: $0) },
                instanceURI: { try InstanceURI.make(base: $0, user: $1, password: $2) },
                control: ControlClient(socket: layout.controlSocket),
                launcher: try host().launcher(),
                sharedEdge: { [layout] in Self.sharedEdge(layout, $0) },
                ledger: FileLedger(files: PosixFiles(), path: layout.ledger), files: PosixFiles(),
                secrets: SystemSecrets(), vault: try host().vault(), time: SystemTime(), progress: progress,
                isInterrupted: { interrupts.happened }),
            context: context, seams: seams(journaled))
    }

    private func seams(_ journaled: @escaping @Sendable (JournalEntry) -> Void) -> RolloutSeams {
        RolloutSeams(
            nameRelease: { [self] in try SpecFile(path: file, workplace: self).name($0) }, journaled: journaled,
            holder: "\(NSUserName())@\(ProcessInfo.processInfo.hostName)")
    }

    /// Which backend this host has, and what stands behind it.
    func host() throws -> HostBackend { try HostBackend(layout: layout) }

    /// Held while a verb changes the fleet: two operators at once would undo each other's work.
    func lockOperations() throws -> SupervisorLock {
        for path in [layout.state, layout.runtime] { try PosixFiles().makeDirectory(path, mode: 0o755) }
        do {
            return try SupervisorLock(path: layout.operatorLock)
        } catch let failure as Failure where failure.code == .leaseHeld {
            let holder = SupervisorLock.holder(path: layout.operatorLock)
            throw Failure(
                .leaseHeld, "cannot change this fleet now",
                because: "another convoy" + (holder.map { " (pid \($0))" } ?? "") + " is at work on it",
                next: "wait until it has ended")
        }
    }
}
