import Fleet

/// Edge plans that goldens, checks by real tools and hostile changes start from.
enum PlanExamples {
    static let names = [
        "one-pool", "two-pools", "tls", "slot-down", "no-slots", "client-certificates", "include", "include-tls",
    ]

    static func plan(_ name: String, below root: String = "/fleet") -> EdgePlan {
        var plan = onePool(below: root)
        switch name {
        case "two-pools":
            let slots = slots(1...2, .a, from: 42100) + slots(1...1, .b, from: 42110)
            plan.pools.append(
                .init(
                    name: "audit-eu", scope: "mcp:audit", upstreamPath: "/", slots: slots, upstreamHost: "localhost"))
        case "tls":
            plan.edge.url = "https://mcp.example.com"
            plan.edge.listen = .init(address: "0.0.0.0", port: 443)
            plan.edge.tls = .init(certificate: "\(root)/tls/mcp.pem", key: "\(root)/tls/mcp.key")
            plan.edge.authorization = .issuer(url: "https://login.example.com/", jwks: .discover)
            plan.user = "www-data"
        case "client-certificates":
            plan = Self.plan("tls", below: root)
            plan.edge.tls?.clientCertificates = "\(root)/tls/clients.pem"
            plan.edge.tls?.stapling = "\(root)/tls/ocsp.der"
            plan.pools[0].bodyLimit = 1 << 20
        case "include":
            plan.fleet = "shop-of-the-very-long-name-1234"
            plan.edge.mode = .include
            plan.pools[0].name = "analytics-of-the-very-long-name"
        case "include-tls":
            plan = Self.plan("tls", below: root)
            plan.edge.mode = .include
        case "slot-down": plan.pools[0].slots[1].inRotation = false
        case "no-slots": plan.pools[0].slots = []
        default: break
        }
        return plan
    }

    private static func onePool(below root: String) -> EdgePlan {
        let slots = slots(1...3, .a, from: 42000) + slots(1...3, .b, from: 42010)
        return EdgePlan(
            fleet: "shop",
            edge: EdgeSpec(
                url: "http://127.0.0.1:8420", listen: .init(address: "127.0.0.1", port: 8420),
                authorization: .development),
            pools: [.init(name: "analytics", scope: "mcp:analytics", upstreamPath: "/mcp", slots: slots)],
            paths: .init(
                configuration: "\(root)/etc/convoy/edge", gateSocket: "\(root)/run/convoy/gate.sock",
                runtime: "\(root)/run/convoy/edge", accessLog: "\(root)/var/lib/convoy/log/edge.access.log",
                errorLog: "\(root)/var/lib/convoy/log/edge.error.log"))
    }

    private static func slots(_ range: ClosedRange<Int>, _ colour: Colour, from port: Int) -> [EdgePlan.Slot] {
        range.map { .init(colour: colour, slot: $0, port: port + $0 - 1, inRotation: true) }
    }
}
