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
    let specs: SpecMemory
    /// Who may change this fleet, and its ledger.
    let leases: FleetLedger

    init(_ options: FleetOptions) { self.init(file: options.file, root: options.root) }

    init(file: String, root: String) {
        let layout = FleetLayout(root: Self.absolute(root))
        let unwished = Workplace(layout: layout, file: file, specs: SpecMemory(), leases: FleetLedger(layout))
        let leases = FleetLedger(layout, wish: unwished.ledgerWish)
        self.init(layout: layout, file: file, specs: unwished.specs, leases: leases)
    }

    private init(layout: FleetLayout, file: String, specs: SpecMemory, leases: FleetLedger) {
        self.layout = layout
        self.file = file
        self.specs = specs
        self.leases = leases
    }

    /// A file that can't be read is for others to complain about.
    private var ledgerWish: FleetLedger.Wish {
        guard let spec = try? SpecFile(path: file, workplace: self).load().spec else { return .unknown }
        return spec.ledger.map { .mongodb(fleet: spec.name, path: beside($0.file)) } ?? .file
    }

    /// As a daemon sees it, or a verb without fleet.yaml.
    static func leases(_ layout: FleetLayout) -> FleetLedger { FleetLedger(layout) }

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
        var context = FleetContext(
            spec: resolved(spec), profile: profile, layout: layout, lockFile: lockFile,
            adminFile: spec.database?.adminFile.map(beside))
        if spec.spansHosts { context.hostLayout = FleetLayout(root: "/") }
        context.isShipped = beside("fleet.yaml") == BootstrapPlace.folder + "/fleet.yaml"
        return context
    }

    /// Paths in the plan are absolute: the supervisor has another working directory.
    private func resolved(_ spec: FleetSpec) -> FleetSpec {
        var spec = spec
        // Other hosts have them where a bootstrap has put them.
        let beside = spec.spansHosts ? Workplace(file: BootstrapPlace.folder + "/fleet.yaml", root: "/").beside : beside
        if let tls = spec.edge.tls {
            spec.edge.tls = tls.map(beside)
        }
        if case .issuers(let issuers) = spec.edge.authorization {
            spec.edge.authorization = .issuers(issuers.map { resolved($0, beside) })
        }
        return spec
    }

    private func resolved(_ issuer: IssuerSpec, _ beside: (String) -> String) -> IssuerSpec {
        var issuer = issuer
        if case .file(let path) = issuer.keys { issuer.keys = .file(beside(path)) }
        if let secret = issuer.introspection?.secretFile { issuer.introspection?.secretFile = beside(secret) }
        return issuer
    }

    static func sharedEdge(_ layout: FleetLayout, _ includeFile: String) -> any EdgeServer {
        IncludeEdge(
            configuration: layout.edgeConfiguration, includeFile: includeFile, gateSocket: layout.gateSocket)
    }

    /// Without a lease it can look, and change nothing. Of a fleet over several hosts it works on these.
    ///
    /// - Parameter known: ways to them that are there already.
    func fleetOperator(
        _ context: FleetContext, progress: any Ports.Progress, under lease: HeldLease? = nil,
        acceptsBreaking: Bool = false, over known: FleetHosts? = nil,
        journaled: @escaping @Sendable (JournalEntry) -> Void = { _ in }
    ) throws -> FleetOperator {
        let local = try localOperator(
            context, progress: progress, under: lease, acceptsBreaking: acceptsBreaking, journaled: journaled)
        guard context.spec.spansHosts else { return local }
        let hosts = try known ?? FleetHosts(context.spec.hosts)
        var ports = local.ports
        let chores = hosts.chores(layout, under: lease?.fence, progress: progress)
        let control = hosts.control(under: lease?.fence, progress: progress)
        ports.control = control
        ports.members = hosts.members(under: lease?.fence)
        ports.aside = hosts.aside
        ports.setAside = { await control.setAside($0) }
        ports.launcher = HostsLauncher(chores)
        ports.hosts = chores
        ports.vault = nil
        let own = lease.map(ports.fenced) ?? ports
        var seams = seams(lease, acceptsBreaking, journaled).watching(own, layout: layout, room: PosixRoom())
        seams.preflight = { next, _ in
            do { return try await chores.fault(next) } catch { return (error as? Failure)?.why ?? "\(error)" }
        }
        seams.warnings = { _, _ in [] }
        return FleetOperator(ports: own, context: context, seams: seams)
    }

    /// On this machine.
    func localOperator(
        _ context: FleetContext, progress: any Ports.Progress, under lease: HeldLease? = nil,
        acceptsBreaking: Bool = false,
        journaled: @escaping @Sendable (JournalEntry) -> Void = { _ in }
    ) throws -> FleetOperator {
        let seal = TreeReleaseSeal(state: layout.state)
        let interrupts = Interrupts()
        var ports = OperatorPorts(
            releases: LocalReleaseStore(
                state: layout.state, directory: directory, seal: seal,
                environment: ProcessInfo.processInfo.environment, startsElsewhere: context.hostLayout != nil),
            users: { MongoUserDirectory(adminURI: $0) },
            instanceURI: { try InstanceURI.make(base: $0, user: $1, password: $2) },
            control: ControlClient(socket: layout.controlSocket, fence: lease?.fence),
            launcher: try host().launcher(),
            sharedEdge: { [layout] in Self.sharedEdge(layout, $0) },
            ledger: leases.ledger(under: lease?.fence), files: PosixFiles(),
            secrets: SystemSecrets(), vault: try host().vault(), time: SystemTime(), progress: progress,
            isInterrupted: { interrupts.happened })
        let name = context.spec.spansHosts ? nil : context.spec.hosts.first?.name ?? "local"
        ports.members = name.map { [FleetMember(name: $0, control: ports.control)] } ?? []
        let own = lease.map(ports.fenced) ?? ports
        let seams = seams(lease, acceptsBreaking, journaled)
        return FleetOperator(
            ports: own, context: context, seams: seams.watching(own, layout: layout, room: PosixRoom()))
    }

    /// The releases on this host. Without a lease it can look, and change nothing.
    func inventory(under lease: HeldLease? = nil) -> ReleaseInventory {
        ReleaseInventory(
            releases: LocalReleaseStore(
                state: layout.state, directory: directory, seal: TreeReleaseSeal(state: layout.state),
                environment: ProcessInfo.processInfo.environment),
            ledger: leases.ledger(under: lease?.fence), files: PosixFiles(), layout: layout, lockFile: lockFile)
    }

    private func seams(
        _ lease: HeldLease?, _ acceptsBreaking: Bool, _ journaled: @escaping @Sendable (JournalEntry) -> Void
    ) -> RolloutSeams {
        RolloutSeams(
            acceptsBreaking: acceptsBreaking,
            nameRelease: { [self] in
                try lease?.check()
                try SpecFile(path: file, workplace: self).name($0)
            }, journaled: journaled, holder: SystemWitness.holder(for: "").name)
    }

    /// Which backend this host has, and what stands behind it.
    func host() throws -> HostBackend { try HostBackend(layout: layout) }

    /// Runs a verb's changes under the fleet's lease: two operators at once would undo each other's work.
    func underLease<Value>(_ verb: String, _ body: (HeldLease) async throws -> Value) async throws -> Value {
        for path in [layout.state, layout.runtime] { try PosixFiles().makeDirectory(path, mode: 0o755) }
        try await leases.settle()
        return try await HeldLease.hold(
            SystemWitness.holder(for: verb), of: leases, time: SystemTime(), rhythm: try leases.rhythm, body)
    }
}
