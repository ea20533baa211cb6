import Fleet
import Testing

@testable import Planning

/// SplitMix64: the same seed gives the same case everywhere.
struct SeededDice: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// A small fleet to plan: one pool of three, one database.
enum PlanSamples {
    static func digest(_ character: Character = "a") throws -> Digest {
        try #require(Digest(hex: String(repeating: character, count: 64)))
    }

    static let profile = Profile(
        name: "tiny", releases: [.pypi], needsDatabase: true,
        start: Profile.Start(
            command: "tiny", arguments: ["--port", "{{port}}"], environment: ["HOME": "{{stateDirectory}}"],
            secrets: ["TINY_URI": .databaseURI, "TINY_HEADERS": .headerSecret], readOnly: ["READ_ONLY": "yes"]),
        http: Profile.HTTP(liveness: "/live"), version: Profile.Version(),
        canary: CanarySpec(tool: "list", contains: ["{{database}}"]), stop: Profile.Stop(),
        settings: ["limit": Profile.Setting(type: .integer, environment: "LIMIT")], memoryDenyWriteExecute: true)

    static func spec(_ change: (inout FleetSpec) -> Void = { _ in }) -> FleetSpec {
        var spec = FleetSpec(
            name: "shop",
            server: ServerSpec(
                profile: "tiny", release: ReleaseReference(kind: .pypi, name: "tiny", version: "1.0.0")),
            database: DatabaseSpec(uri: "mongodb://127.0.0.1:27017/", adminFile: "secrets/admin-uri"),
            pools: [
                PoolSpec(
                    name: "analytics", replicas: 3, databases: [DatabaseGrant(database: "shop", role: "read")],
                    scope: "mcp:analytics")
            ],
            edge: EdgeSpec(
                url: "http://127.0.0.1:8443", listen: EdgeSpec.Listen(address: "127.0.0.1", port: 8443),
                authorization: .development),
            ports: PortsSpec(first: 42000, last: 42255))
        change(&spec)
        return spec
    }

    static func planner(
        _ spec: FleetSpec = spec(), profile: Profile = profile, digest character: Character = "a"
    ) throws -> GenerationPlanner {
        GenerationPlanner(
            spec: spec, profile: profile,
            release: InstalledRelease(
                reference: spec.server.release, digest: try digest(character), tree: "/fleet/releases/x"),
            command: ReleaseCommand(executable: "/bin/tiny", arguments: ["-I"], environment: ["LANG": "C.UTF-8"]),
            layout: FleetLayout(root: "/fleet"))
    }

    static func generation(_ number: Int = 1, over current: GenerationPlan? = nil) throws -> GenerationPlan {
        try planner().plan(number: number, current: current)
    }

    static func status(
        _ instance: InstancePlan, of plan: GenerationPlan, _ change: (inout InstanceStatus) -> Void = { _ in }
    ) throws -> InstanceStatus {
        var status = InstanceStatus(
            name: instance.name, pool: instance.pool, host: instance.host, slot: instance.slot,
            generation: plan.number, version: plan.release.version, digest: plan.release.digest, state: .serving,
            ready: true, reason: "", port: instance.port, pid: 7, uptimeSeconds: 1, databaseUser: nil, proof: nil,
            eras: [.modern], toolsDigest: try digest("d"), restarts: 0)
        change(&status)
        return status
    }

    static func ready(_ plan: GenerationPlan) throws -> [InstanceStatus] {
        try plan.instances.map { try status($0, of: plan) }
    }
}
