import ArgumentParser
import Console
import Fleet
import Foundation
import Operations
import Planning
import Releases
import Supervision
import Units

struct Render: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write every file that a host would get, to look at, below a directory.",
        discussion: """
            Units, firewall rules, and what the edge and the gate are told, each at its path below --out, as \
            `up --backend systemd` makes them for the first generation on a fresh host. The same fleet.yaml and \
            fleet.lock give the same bytes. Nothing is asked or fetched and nothing but --out is written; secrets, \
            certificates and issuers' keys are not in it.

              convoy render --out rendered
              git diff --no-index rendered.before rendered
            """)

    @OptionGroup var fleet: FleetOptions
    @OptionGroup var output: JSONOption

    @Option(help: "The directory. What an earlier render made there is replaced.")
    var out: String

    @Option(help: "The host to render for, by its name in fleet.yaml; needed when there are several.")
    var host: String?

    @Option(help: "The number of the user of nginx's workers (convoy-edge) on that host, for the firewall rules.")
    var edgeUser: UInt32?

    @Flag(help: "Write into a directory that holds other files, too; they stay.")
    var force = false

    private struct Document: Codable {
        var fleet: String
        var host: String
        var release: String
        var wish: String
        var directory: String
        /// Below the directory, sorted.
        var files: [String]
    }

    func run() async throws {
        let workplace = Workplace(fleet)
        let context = try workplace.context()
        let plan = try plan(context, workplace)
        let files = try HostFiles(
            plan: plan, units: Units.all, maker: "convoy \(Convoy.version)", edgeUser: edgeUser,
            keys: try keys(context.spec)
        ).files()
        try RenderedTree(directory: Workplace.absolute(out), files: PosixFiles()).replace(by: files, force: force)
        let document = Document(
            fleet: plan.fleet, host: plan.instances.first?.host ?? "local", release: "\(context.spec.server.release)",
            wish: plan.wish.hex, directory: out, files: files.map(\.path))
        guard !output.json else { return Terminal.print(try StableJSON.text(document)) }
        Terminal.print("\(out): \(files.count) files of the fleet \(plan.fleet), wish \(plan.wish.short)\n")
    }

    /// Of the first generation, for a host whose root is `/`.
    private func plan(_ context: FleetContext, _ workplace: Workplace) throws -> GenerationPlan {
        let layout = FleetLayout(root: "/")
        let start = LockedStart(releases: layout.releases)
        let locked = try locked(context)
        let store = LocalReleaseStore(
            state: context.layout.state, directory: workplace.directory,
            seal: TreeReleaseSeal(state: context.layout.state), environment: [:])
        guard let command = try start.command(context.profile.start.command, of: locked, installed: store) else {
            throw Failure(
                .unavailable, "cannot render \(context.spec.name)",
                because: "fleet.lock does not say how \(locked.reference) is started: an older convoy wrote it",
                next: "run `convoy releases fetch` and name the same --root here, or remove the entry from fleet.lock "
                    + "and lock it anew")
        }
        return try GenerationPlanner(
            spec: context.spec, profile: context.profile, release: start.installed(locked), command: command,
            layout: layout, host: try host(context.spec)
        ).plan(number: 1, current: nil)
    }

    private func locked(_ context: FleetContext) throws -> LockedRelease {
        let reference = context.spec.server.release
        let text = try PosixFiles().read(context.lockFile)
        let lock = try text.map { try ReleaseLockFile.decode($0, file: context.lockFile) } ?? ReleaseLock()
        if let locked = lock.release(for: reference, constraints: context.spec.server.constraints) { return locked }
        throw Failure(
            .unavailable, "cannot render \(context.spec.name)",
            because: "\(context.lockFile) " + (text == nil ? "is missing" : "has no \(reference)")
                + ", so the release's digest and with it its place on a host are unknown",
            next: "run `convoy releases fetch`, which locks it, and commit fleet.lock")
    }

    private func host(_ spec: FleetSpec) throws -> String {
        let names = spec.hosts.isEmpty ? ["local"] : spec.hosts.map(\.name)
        guard let host = host ?? (names.count == 1 ? names[0] : nil), names.contains(host) else {
            throw Failure(
                .usage, "cannot render \(spec.name)",
                because: host.map { "there is no host \($0) in fleet.yaml" } ?? "there are several hosts",
                next: "choose one: --host \(names.joined(separator: " | "))")
        }
        return host
    }

    private func keys(_ spec: FleetSpec) throws -> [String: JSONValue] {
        var keys: [String: JSONValue] = [:]
        for issuer in spec.edge.authorization.issuers {
            guard case .file(let path) = issuer.keys, let text = try PosixFiles().read(path) else { continue }
            guard let document = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)) else {
                throw Failure(
                    .failed, "cannot read the keys of \(issuer.url)", because: "\(path) is no JSON",
                    next: "put the issuer's JWKS document there")
            }
            keys[path] = document
        }
        return keys
    }
}
