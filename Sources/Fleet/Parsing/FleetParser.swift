/// Reads the parts of a fleet file in an order that lets each check what depends on those before.
/// One of these per file.
struct FleetParser {
    static let keys = [
        "fleet", "server", "database", "pools", "hosts", "edge", "ports", "health", "rollout", "logs", "ledger",
        "operator",
    ]

    let reader: SpecReader
    let lookup: ProfileLookup

    func parse(_ root: SourceNode) -> FleetSpec? {
        guard let section = reader.section(root, known: Self.keys, required: ["fleet", "server", "pools", "edge"])
        else { return nil }
        let name = section["fleet"].flatMap { self.name($0, kind: "fleet") }
        let (server, profile) = section["server"].map(server) ?? (nil, nil)
        let database = section["database"].flatMap(database)
        checkDatabase(section, profile)
        let pools = section["pools"].flatMap { self.pools($0, profile: profile) }
        let hosts = section["hosts"].map(hosts) ?? []
        let edge = section["edge"].flatMap(edge)
        let ports = section["ports"].map(ports) ?? PortsSpec()
        let health = section["health"].flatMap { self.health($0, profile: profile) } ?? HealthSpec()
        let rollout = section["rollout"].flatMap(rollout) ?? RolloutSpec()
        let logs = section["logs"].flatMap(logs) ?? LogsSpec()
        let ledger = section["ledger"].flatMap(ledger)
        let seat = section["operator"].flatMap { reader.choice($0, OperatorSeat.self) }
        if let node = section["operator"], section["hosts"] == nil {
            reader.report(node, "is not used: there are no hosts to drive", "add hosts, or remove it")
        }
        if let ports {
            checkPorts(ports, section, pools: pools ?? [], profile: profile, edge: edge, database: database)
        }
        checkRolling(rollout.rolling, section, pools: pools ?? [])
        guard let name, let server, let pools, let edge, let ports else { return nil }
        return FleetSpec(
            name: name, server: server, database: database, pools: pools, hosts: hosts, edge: edge, ports: ports,
            health: health, rollout: rollout, logs: logs, ledger: ledger,
            operatorSeat: seat)
    }

    func name(_ node: SourceNode, kind: String) -> String? {
        guard let text = reader.text(node) else { return nil }
        return reader.attempt(node) { () throws(Problem) in
            try NameRule.check(text, kind: kind)
            return text
        }
    }

    // MARK: Rules across sections

    private func checkDatabase(_ section: Section, _ profile: Profile?) {
        guard let profile else { return }
        if profile.needsDatabase, section["database"] == nil {
            reader.report(
                section.node.location, "database",
                Problem("is missing: the profile \(profile.name) needs a database", "add database: {uri: ...}"))
        } else if !profile.needsDatabase, let node = section["database"] {
            reader.report(node, "is not used: the profile \(profile.name) needs no database", "remove the section")
        }
    }

    /// Slots own their ports for good, two per slot and two more for monitoring, so that generations
    /// can run side by side.
    private func checkPorts(
        _ ports: PortsSpec, _ section: Section, pools: [PoolSpec], profile: Profile?, edge: EdgeSpec?,
        database: DatabaseSpec?
    ) {
        let node = section["ports"]
        let range = ports.first...ports.last
        let slots = pools.reduce(0) { $0 + $1.replicas }
        let each = profile?.start.monitoringPort == true ? 4 : 2
        if slots * each > range.count {
            let place = node ?? section["pools"] ?? section.node
            reader.report(
                place.location, "ports",
                Problem(
                    "\(range.lowerBound)...\(range.upperBound) holds \(range.count) ports, but \(slots) instances need "
                        + "\(slots * each): \(each) each, half of them for the next generation",
                    "widen the range, such as ports: {first: \(ports.first), last: \(ports.first + slots * each - 1)}"))
        }
        if let edge, range.contains(edge.listen.port),
            let place = section["edge"]?.child("listen") ?? section["edge"]?.child("url")
        {
            reader.report(
                place,
                "the port \(edge.listen.port) is inside the instances' range \(range.lowerBound)...\(range.upperBound)",
                "move one of them")
        }
        guard let database, let place = section["database"]?.child("uri"),
            let uri = try? MongoURI(parsing: database.uri)
        else { return }
        for port in uri.loopbackPorts where range.contains(port) || port == edge?.listen.port {
            let owner =
                range.contains(port)
                ? "inside the instances' range \(range.lowerBound)...\(range.upperBound)" : "the edge's port too"
            reader.report(place, "the port \(port) is \(owner)", "move one of them")
        }
    }
}
