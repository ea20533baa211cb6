import Fleet

/// What the template sees, every value checked. Field names are the template's.
struct EdgeContext {
    let fleet: String
    let user: String?
    let runtime: String
    let errorLog: String
    let accessLog: String
    let gateSocket: String
    let listen: String
    let tls: TLS?
    /// The whole directive, since nginx forgets outer `add_header`s wherever there is an inner one.
    let hsts: String?
    let groups: [Group]
    let colours: [ColourGroup]
    let tags: [Tag]
    let ports: [Port]
    let pools: [Pool]
    let answers = EdgeAnswer.all

    struct TLS {
        let certificate: String
        let key: String
    }

    /// One upstream: all of a colour, or one slot with its neighbours as backups.
    struct Group {
        let name: String
        let balanced: Bool
        let servers: [Server]
        let keepalive: Int
    }

    struct Server {
        let port: Int
        let backup: Bool
        let down: Bool
    }

    struct ColourGroup {
        let pool: String
        let group: String
    }

    struct Tag {
        let pool: String
        let tag: String
        let group: String
    }

    struct Port {
        let port: Int
        let tag: String
    }

    struct Pool {
        let name: String
        let path: String
        let host: String
        let metadata: String
        let metadataPaths: [MetadataPath]
    }

    struct MetadataPath { let metadataPath: String }
}

extension EdgeContext {
    init(_ plan: EdgePlan) throws {
        let pools = plan.pools.sorted { $0.name < $1.name }
        try Self.refuseClashes(in: pools, listening: plan.edge.listen)
        let colours = try pools.flatMap { try PoolGroups.of($0) }

        fleet = try NginxText("fleet").name(plan.fleet)
        user = try plan.user.map { try NginxText("user").user($0) }
        runtime = try NginxText("paths: runtime").path(plan.paths.runtime)
        errorLog = try NginxText("paths: errorLog").path(plan.paths.errorLog)
        accessLog = try NginxText("paths: accessLog").path(plan.paths.accessLog)
        gateSocket = try NginxText("paths: gateSocket").socketPath(plan.paths.gateSocket)
        listen = try Self.listen(plan.edge.listen)
        tls = try plan.edge.tls.map {
            TLS(
                certificate: try NginxText("edge/tls/certificate").path($0.certificate),
                key: try NginxText("edge/tls/key").path($0.key))
        }
        hsts = tls == nil ? nil : "add_header Strict-Transport-Security \"max-age=63072000\" always;"
        groups = colours.flatMap(\.upstreams)
        self.colours = colours.map { ColourGroup(pool: $0.pool, group: $0.name) }
        tags = colours.flatMap(\.tags)
        ports = colours.flatMap(\.ports)
        self.pools = try pools.map { try Self.pool($0, edge: plan.edge, isOnly: pools.count == 1) }
    }

    private static func pool(_ pool: EdgePlan.Pool, edge: EdgeSpec, isOnly: Bool) throws -> Pool {
        let name = try NginxText("pool").name(pool.name)
        let wellKnown = "/.well-known/oauth-protected-resource"
        // The root document can describe one resource only: with several pools a client that believed it
        // would ask for a token that no pool accepts.
        let paths = ["\(wellKnown)/\(name)/mcp", "/\(name)/mcp\(wellKnown)"] + (isOnly ? [wellKnown] : [])
        return Pool(
            name: name, path: try NginxText("pool \(name): upstreamPath").urlPath(pool.upstreamPath),
            host: try NginxText("pool \(name): upstreamHost").host(pool.upstreamHost ?? "127.0.0.1"),
            metadata: try ResourceMetadata.document(pool: name, scope: pool.scope, edge: edge),
            metadataPaths: paths.map(MetadataPath.init))
    }

    private static func listen(_ listen: EdgeSpec.Listen) throws -> String {
        let check = NginxText("edge/listen")
        let port = try check.port(listen.port)
        let isV6 = listen.address.utf8.contains(UInt8(ascii: ":"))
        let allowed = isV6 ? "0123456789abcdefABCDEF:." : "0123456789."
        guard !listen.address.isEmpty, listen.address.utf8.allSatisfy(allowed.utf8.contains) else {
            throw check.refused(listen.address, "not an IP address")
        }
        return isV6 ? "[\(listen.address)]:\(port)" : "\(listen.address):\(port)"
    }

    private static func refuseClashes(in pools: [EdgePlan.Pool], listening: EdgeSpec.Listen) throws {
        var names: Set<String> = []
        var ports: Set<Int> = [listening.port]
        for pool in pools {
            guard names.insert(pool.name).inserted else { throw NginxText("pool").refused(pool.name, "there twice") }
            for slot in pool.slots where !ports.insert(slot.port).inserted {
                // The port tells which slot answered: two owners would mix up sessions.
                throw NginxText("pool \(pool.name): port").refused(String(slot.port), "used twice")
            }
        }
    }
}
