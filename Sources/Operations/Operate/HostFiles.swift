import Fleet
import Foundation
import Planning
import Rendering

/// Every file that a host with the systemd backend gets for a fleet, apart from secrets and certificates:
/// pure, and equal input gives equal bytes. As it is when the first generation serves on a fresh host.
package struct HostFiles: Sendable {
    /// As the package installs them, by absolute path.
    package var units: [String: String]
    /// What made them: `convoy 0.1.0`.
    package var maker: String
    /// The number of the user convoy-edge, which only the host knows. Nil: nobody's stands in for it.
    package var edgeUser: UInt32?
    /// The JWKS documents that `keys: {file: ...}` names, by path.
    package var keys: [String: JSONValue]
    private let plan: GenerationPlan
    private let layout: FleetLayout

    /// - Parameter plan: by a planner whose layout is `layout`.
    package init(
        plan: GenerationPlan, layout: FleetLayout = FleetLayout(root: "/"), units: [String: String], maker: String,
        edgeUser: UInt32? = nil, keys: [String: JSONValue] = [:]
    ) {
        self.plan = plan
        self.layout = layout
        self.units = units
        self.maker = maker
        self.edgeUser = edgeUser
        self.keys = keys
    }

    /// Paths are below `/`, sorted. Throws a `Failure` (`badSpec`) when a value can't stand in a file, or
    /// (`unavailable`) when the keys of an issuer are not there.
    package func files() throws -> [RenderedFile] {
        var files = units.map { RenderedFile(path: $0.key, content: titled($0.value)) }
        files += try plan.instances.map { instance in
            unit(try UnitRenderer.render(UnitPlan(instance, of: plan, layout: layout, isEncrypted: true)))
        }
        files += try edge() + [slice(), firewall(), policy()]
        files.append(RenderedFile(path: layout.backend, content: "\(Backend.systemd.rawValue) \(title)\n"))
        if let refresher = try refresher() { files.append(refresher) }
        return files.map { file in
            RenderedFile(path: String(file.path.drop { $0 == "/" }), content: file.content, mode: file.mode)
        }.sorted { $0.path < $1.path }
    }

    // MARK: Headers

    private var title: String { "# Made by \(maker) for the fleet \(plan.fleet). Wish \(plan.wish.hex)" }

    /// What names its maker and the wish already stays as the host gets it, to the byte.
    private func titled(_ content: String) -> String {
        content.contains(plan.wish.hex) ? content : title + "\n" + content
    }

    /// Before all else, but behind the line that names an interpreter.
    private func noted(_ content: String, _ note: String) -> String {
        let first = content.hasPrefix("#!") ? String(content.prefix { $0 != "\n" }) + "\n" : ""
        return first + "# \(note)\n" + content.dropFirst(first.count)
    }

    // MARK: Units

    private func unit(_ file: RenderedFile) -> RenderedFile {
        RenderedFile(path: "/etc/systemd/system/" + file.path, content: titled(file.content), mode: file.mode)
    }

    private func slice() throws -> RenderedFile {
        let hosts = database
        let plan = SlicePlan(fleet: plan.fleet, addresses: hosts.addresses, wish: plan.wish)
        var file = unit(try UnitRenderer.render(plan))
        guard !hosts.names.isEmpty else { return file }
        let unknown = hosts.names.joined(separator: ", ")
        file.content = noted(
            file.content, "Not yet in here, since it is the host that asks for them: addresses of \(unknown)")
        return file
    }

    private var database: DatabaseHosts { DatabaseHosts(uri: plan.origin.spec.database?.uri ?? "") }

    // MARK: Firewall

    func firewall() throws -> RenderedFile {
        let firewall = FirewallPlan(plan, edgeUser: edgeUser ?? Self.nobody, databaseUsers: [])
        var file = try FirewallRenderer.render(firewall)
        file.path = layout.firewallRules
        var notes: [String] = []
        if edgeUser == nil {
            let user = plan.sharedEdgeFile == nil ? "the user convoy-edge" : "the user of that nginx's workers"
            notes.append("\(Self.nobody) stands in for \(user), whose number only the host knows.")
        }
        if firewall.database != nil {
            let named = plan.origin.spec.database?.sharedWith ?? []
            let users = (["the database's own"] + named).joined(separator: ", ")
            notes.append("Only the host knows who else may reach the database: \(users).")
        }
        if !notes.isEmpty { file.content = noted(file.content, notes.joined(separator: " ")) }
        return file
    }

    /// Lets in nobody who has not a right to: rules loaded as they are close the fleet, they do not open it.
    private static let nobody: UInt32 = 65534

    // MARK: Edge

    func edge() throws -> [RenderedFile] {
        let pools = plan.pools.sorted { $0.name < $1.name }.map { pool in
            EdgePlan.Pool(
                name: pool.name, scope: pool.scope, upstreamPath: pool.upstreamPath, slots: slots(of: pool.name),
                upstreamHost: pool.upstreamHost, bodyLimit: pool.limits?.body)
        }
        let edge = EdgePlan(
            fleet: plan.fleet, edge: plan.edge, pools: pools,
            paths: EdgePlan.Paths(
                configuration: layout.edgeConfiguration, gateSocket: layout.gateSocket, runtime: layout.edgeRuntime,
                accessLog: layout.log("edge-access"), errorLog: layout.log("edge-error")),
            installsCertificate: plan.edge.tls != nil)
        let isOwn = plan.edge.mode == .dedicated
        return try EdgeRenderer.render(edge).map { file in
            let own = "\(layout.edgeConfiguration)/current/\(file.path)"
            return RenderedFile(
                path: isOwn ? own : plan.edge.includeFile(of: plan.fleet), content: titled(file.content),
                mode: file.mode)
        }
    }

    private func slots(of pool: String) -> [EdgePlan.Slot] {
        plan.instances.filter { $0.pool == pool }.flatMap { instance in
            [
                EdgePlan.Slot(colour: plan.colour, slot: instance.slot, port: instance.port, inRotation: true),
                EdgePlan.Slot(
                    colour: plan.colour.other, slot: instance.slot, port: instance.siblingPort, inRotation: true),
            ]
        }.sorted { ($0.colour.rawValue, $0.slot) < ($1.colour.rawValue, $1.slot) }
    }

    // MARK: Gate and refresher

    func policy() throws -> RenderedFile {
        let pools = plan.pools.map { pool in
            GatePolicy.Pool(
                name: pool.name, scope: pool.scope, active: plan.colour,
                sessions: plan.instances.filter { $0.pool == pool.name }.map { "\(plan.colour.rawValue)\($0.slot)" }
                    .sorted(),
                tools: pool.tools, clients: pool.clients, rate: pool.limits?.rate,
                sessionsAreExternal: pool.sessionsAreExternal)
        }
        let policy = GatePolicy(revision: 1, url: plan.edge.url, pools: pools, issuers: try issuers())
        return RenderedFile(path: layout.gatePolicy, content: try json(policy))
    }

    private func issuers() throws -> [GatePolicy.Issuer] {
        if plan.edge.authorization == .development {
            // Its key is made on the host.
            return [
                GatePolicy.Issuer(url: "urn:convoy:development:\(plan.fleet)", jwks: .object(["keys": .array([])]))
            ]
        }
        return try plan.edge.authorization.issuers.map { issuer in
            GatePolicy.Issuer(
                url: issuer.url, keys: try keys(of: issuer), algorithms: issuer.algorithms,
                audience: issuer.audience, scopeClaim: issuer.scopeClaim, introspection: issuer.introspection != nil)
        }
    }

    private func keys(of issuer: IssuerSpec) throws -> GatePolicy.Issuer.Keys {
        switch issuer.keys {
        case .file(let path):
            guard let document = keys[path] else {
                throw Failure(
                    .unavailable, "cannot render the gate's policy",
                    because: "the keys of \(issuer.url) are not in \(path)",
                    next: "put the issuer's JWKS document there")
            }
            return .inline(document)
        case .url, .discover: return .refresher
        case nil: return .none
        }
    }

    /// Names the files of client secrets, and holds none.
    private func refresher() throws -> RenderedFile? {
        let issuers = plan.edge.authorization.issuers.filter(\.needsRefresher)
        guard !issuers.isEmpty else { return nil }
        let plan = RefresherPlan(revision: 1, issuers: issuers.map(RefresherPlan.Issuer.init))
        return RenderedFile(path: layout.refresherPlan, content: try json(plan), mode: 0o600)
    }

    private func json(_ content: some Encodable) throws -> String {
        try StableJSON.text(Titled(content: content, title: String(title.dropFirst(2))))
    }
}

/// JSON has no comments; daemons skip names that they do not know.
private struct Titled<Content: Encodable>: Encodable {
    let content: Content
    let title: String

    /// The name sorts before all others, so a reader meets it first.
    private enum Keys: String, CodingKey { case about = "_about" }

    func encode(to encoder: any Encoder) throws {
        try content.encode(to: encoder)
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(title, forKey: .about)
    }
}
