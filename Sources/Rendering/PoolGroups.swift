import Fleet

/// The upstream groups of one colour of a pool. Group names, as the gate says them, are `POOL_COLOUR` and
/// `POOL_COLOURSLOT`: the last underscore ends the pool's name, so no two pools can collide.
struct PoolGroups {
    let route: EdgeContext.Route
    let upstreams: [EdgeContext.Group]
    let tags: [EdgeContext.Route]
    let ports: [EdgeContext.Port]

    /// None for a colour without slots: nginx refuses an empty upstream.
    static func of(_ pool: EdgePlan.Pool, number: Int, prefix: String) throws -> [PoolGroups] {
        try Colour.allCases.compactMap { colour in
            let slots = pool.slots.filter { $0.colour == colour }.sorted { $0.slot < $1.slot }
            return slots.isEmpty ? nil : try PoolGroups(pool.name, number, prefix, colour, slots)
        }
    }

    private init(
        _ pool: String, _ number: Int, _ prefix: String, _ colour: Colour, _ slots: [EdgePlan.Slot]
    ) throws {
        _ = try NginxText("pool").name(pool)
        let name = "\(pool)_\(colour.rawValue)"
        var seen: Set<Int> = []
        for slot in slots {
            let check = NginxText("pool \(pool): slot")
            guard (1...64).contains(slot.slot) else { throw check.refused(String(slot.slot), "not in 1...64") }
            guard seen.insert(slot.slot).inserted else { throw check.refused(String(slot.slot), "there twice") }
            _ = try NginxText("pool \(pool): port").port(slot.port)
        }
        let all = EdgeContext.Group(
            upstream: prefix + name, balanced: true, servers: slots.map { Self.server($0, backup: false) },
            keepalive: 32)
        let groups = slots.map { "\(pool)_\(Self.tag($0))" }
        upstreams =
            [all] + zip(slots, groups).map { Self.group(of: $0, among: slots, named: prefix + $1) }
        route = .init(number: number, group: name, upstream: prefix + name)
        tags = groups.map { .init(number: number, group: $0, upstream: prefix + $0) }
        ports = slots.map { .init(port: $0.port, tag: Self.tag($0)) }
    }

    private static func group(
        of own: EdgePlan.Slot, among slots: [EdgePlan.Slot], named name: String
    ) -> EdgeContext.Group {
        let backups = slots.filter { $0.slot != own.slot }.map { server($0, backup: true) }
        // One that drains gets nothing new, but the calls of its sessions are its own.
        let keeper = EdgeContext.Server(port: own.port, backup: false, down: !own.inRotation && !own.drains)
        return .init(upstream: name, balanced: false, servers: [keeper] + backups, keepalive: 8)
    }

    private static func server(_ slot: EdgePlan.Slot, backup: Bool) -> EdgeContext.Server {
        .init(port: slot.port, backup: backup, down: !slot.inRotation)
    }

    private static func tag(_ slot: EdgePlan.Slot) -> String { "\(slot.colour.rawValue)\(slot.slot)" }
}
