import Fleet

/// What the template sees, every value checked. Field names are the template's.
struct EdgeContext {
    let fleet: String
    /// Whether the configuration is a whole one, for an nginx of its own.
    let dedicated: Bool
    let user: String?
    let runtime: String
    let errorLog: String
    let accessLog: String
    let gateSocket: String
    /// Argument of `include`: the header secrets.
    let secrets: String
    let listen: String
    let serverName: String
    let hosts: [Host]
    let tls: TLS?
    let stapling: String?
    let clientCertificates: String?
    /// The whole directive, since nginx forgets outer `add_header`s wherever there is an inner one.
    let hsts: String?
    let groups: [Group]
    let colours: [Route]
    let tags: [Route]
    let ports: [Port]
    let pools: [Pool]
    let answers: [EdgeAnswer]
    let questions: [Question]

    /// A location that asks the gate, and the one that asks again when the gate died over it.
    struct Question {
        let question: String
        let asks: String
        let again: String?

        init(question: String, asks: String, again: String?) {
            self.question = question
            self.asks = asks
            self.again = again
        }

        init(_ other: Question, in fleet: String) {
            self.init(question: other.question, asks: EdgeNames.renamed(other.asks, in: fleet), again: other.again)
        }
    }

    struct TLS {
        let certificate: String
        let key: String
    }

    /// A value of `Host` that is ours, and what nginx makes of it.
    struct Host {
        let spelling: String
        let host: String
    }

    /// One upstream: all of a colour, or one slot with its neighbours as backups.
    struct Group {
        let upstream: String
        let balanced: Bool
        let servers: [Server]
        let keepalive: Int
    }

    struct Server {
        let port: Int
        let backup: Bool
        let down: Bool
    }

    /// A group that the gate may name, for one pool only, and the upstream that it is here. Pools are told
    /// apart by their place: with names for that, keys would be longer than nginx's maps take by default.
    struct Route {
        let number: Int
        let group: String
        let upstream: String
    }

    struct Port {
        let port: Int
        let tag: String
    }

    struct Pool {
        let name: String
        let number: Int
        let path: String
        let host: String
        let bodyLimit: Int
        let opening: String
        let entrances: [Entrance]
        let metadata: String
        let metadataPaths: [MetadataPath]
    }

    /// Requests that may open a session are led to a location of their own.
    struct Entrance {
        let entrance: String
        let opens: Bool
    }

    struct MetadataPath { let metadataPath: String }
}

extension EdgeContext {
    init(_ plan: EdgePlan) throws {
        let pools = plan.pools.sorted { $0.name < $1.name }
        try Self.refuseClashes(in: pools, listening: plan.edge.listen)
        dedicated = plan.edge.mode == .dedicated
        fleet = try NginxText("fleet").name(plan.fleet)
        let prefix = plan.edge.mode == .dedicated ? "" : EdgeNames.prefix(of: plan.fleet)
        let colours = try pools.enumerated().flatMap {
            try PoolGroups.of($0.element, number: $0.offset, prefix: prefix)
        }

        user = try plan.user.map { try NginxText("user").user($0) }
        runtime = try NginxText("paths: runtime").path(plan.paths.runtime)
        errorLog = try NginxText("paths: errorLog").path(plan.paths.errorLog)
        accessLog = try NginxText("paths: accessLog").path(plan.paths.accessLog)
        gateSocket = try NginxText("paths: gateSocket").socketPath(plan.paths.gateSocket)
        let configuration = try NginxText("paths: configuration").path(plan.paths.configuration)
        // Relative paths of an include file would be the other nginx's.
        let beside = dedicated ? "" : "\(configuration)/current/"
        secrets = "\"\(beside)secrets/*.map\""
        listen = try Self.listen(plan.edge.listen)
        let names = try EdgeNames(url: plan.edge.url)
        serverName = dedicated ? "_" : names.host
        hosts = names.spellings.map { Host(spelling: $0, host: names.host) }
        tls = try plan.edge.tls.map {
            TLS(
                certificate: plan.installsCertificate
                    ? beside + "tls/certificate.pem" : try NginxText("edge/tls/certificate").path($0.certificate),
                key: plan.installsCertificate
                    ? beside + "tls/key.pem" : try NginxText("edge/tls/key").path($0.key))
        }
        stapling = try plan.edge.tls?.stapling.map {
            plan.installsCertificate
                ? beside + "tls/stapling.der" : try NginxText("edge/tls/stapling").path($0)
        }
        clientCertificates = try plan.edge.tls?.clientCertificates.map {
            plan.installsCertificate
                ? beside + "tls/clients.pem" : try NginxText("edge/tls/clientCertificates").path($0)
        }
        hsts = tls == nil ? nil : "add_header Strict-Transport-Security \"max-age=63072000\" always;"
        let fleet = plan.fleet
        let asked = [
            Question(question: "/_gate", asks: "convoy_gate", again: "/_gate_again"),
            Question(question: "/_gate_again", asks: "convoy_gate_again", again: nil),
        ]
        questions = dedicated ? asked : asked.map { Question($0, in: fleet) }
        answers =
            dedicated ? EdgeAnswer.all : EdgeAnswer.all.map { $0.map { EdgeNames.renamed($0, in: fleet) } }
        groups = colours.flatMap(\.upstreams)
        self.colours = colours.map(\.route)
        tags = colours.flatMap(\.tags)
        ports = colours.flatMap(\.ports)
        self.pools = try pools.enumerated().map {
            try Pool($0.element, number: $0.offset, edge: plan.edge, isOnly: pools.count == 1)
        }
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

extension EdgeContext.Pool {
    fileprivate init(_ pool: EdgePlan.Pool, number: Int, edge: EdgeSpec, isOnly: Bool) throws {
        name = try NginxText("pool").name(pool.name)
        self.number = number
        path = try NginxText("pool \(name): upstreamPath").urlPath(pool.upstreamPath)
        host = try NginxText("pool \(name): upstreamHost").host(pool.upstreamHost ?? "127.0.0.1")
        bodyLimit = try NginxText("pool \(name): bodyLimit").bytes(pool.bodyLimit ?? 4 << 20)
        opening = "/_convoy_open/\(name)"
        entrances = [.init(entrance: "/\(name)/mcp", opens: false), .init(entrance: opening, opens: true)]
        metadata = try ResourceMetadata.document(pool: name, scope: pool.scope, edge: edge)
        let wellKnown = "/.well-known/oauth-protected-resource"
        // The root document can describe one resource only: with several pools a client that believed it
        // would ask for a token that no pool accepts.
        let paths = ["\(wellKnown)/\(name)/mcp", "/\(name)/mcp\(wellKnown)"] + (isOnly ? [wellKnown] : [])
        metadataPaths = paths.map(EdgeContext.MetadataPath.init)
    }
}
