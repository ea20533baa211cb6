import Fleet

/// Plans that goldens, checks by real tools and hostile changes start from.
enum UnitExamples {
    static let names = ["node", "python", "go"]

    static let layout = FleetLayout(root: "/")
    static let wish = digest("a1")
    static let slice = SlicePlan(
        fleet: "shop", addresses: ["10.0.0.11", "2001:db8::/64", "10.0.0.12"].map(block), wish: wish)

    static let firewalls: [String: FirewallPlan] = [
        "public": FirewallPlan(
            fleet: "shop", edge: .init(address: "0.0.0.0", port: 443), instancePorts: [42010, 42000, 42001, 42011],
            edgeUser: 997, wish: wish),
        "local": FirewallPlan(
            fleet: "shop", edge: .init(address: "127.0.0.1", port: 8420), instancePorts: [42000], edgeUser: 997,
            database: .init(ports: [27018, 27017], users: [115]), wish: wish),
        "empty": FirewallPlan(
            fleet: "shop", edge: .init(address: "::", port: 443), instancePorts: [], edgeUser: 997, wish: wish),
    ]

    static func plan(_ name: String) -> UnitPlan {
        let instance = name == "node" ? "analytics-1-g3" : "\(name)-2-g12"
        let directory = layout.instance(instance)
        let release = layout.releases + "/" + digest("0b").hex
        var plan = UnitPlan(
            fleet: "shop", pool: name == "node" ? "analytics" : name, instance: instance,
            generation: name == "node" ? 3 : 12,
            launch: LaunchPlan(
                executable: "/usr/bin/node", arguments: [release + "/tree/bin/server.js"],
                environment: ["HOME": directory + "/state", "MDB_MCP_READ_ONLY": "true"],
                secretsFile: directory + "/secrets.json", workingDirectory: directory + "/state",
                logFile: layout.log(instance)),
            release: release, directory: "convoy/instances/" + instance,
            credential: .init(path: layout.credential(instance), isEncrypted: true),
            limits: .init(memory: 512 << 20, tasks: 200, cpu: 150),
            stop: Profile.Stop(signal: "TERM", deadline: 10, cleanExitCodes: [0], dyingBySignalIsClean: false),
            memoryDenyWriteExecute: false, wish: wish)
        switch name {
        case "python":
            plan.launch.executable = "/usr/bin/python3"
            plan.launch.arguments = ["-I", release + "/launch.py", "serve", "-p", "42001", #"50% of "$HOME"; x\y"#, ""]
            plan.credential?.isEncrypted = false
            plan.stop = Profile.Stop(signal: "INT", deadline: 2.5, cleanExitCodes: [0, 3], dyingBySignalIsClean: true)
        case "go":
            plan.launch.executable = release + "/tree/mcp-grafana"
            plan.launch.arguments = ["--address", "127.0.0.1:42002"]
            plan.credential = nil
            plan.limits = .init()
            plan.memoryDenyWriteExecute = true
        default: break
        }
        return plan
    }

    static func digest(_ pair: String) -> Digest {
        guard let digest = Digest(hex: String(repeating: pair, count: 32)) else { preconditionFailure(pair) }
        return digest
    }

    private static func block(_ text: String) -> AddressBlock {
        guard let block = try? AddressBlock(parsing: text) else { preconditionFailure(text) }
        return block
    }
}
