import Fleet
import Planning
import Ports

@testable import Operations

/// A small fleet: one pool of three instances of a pretended server, with a database.
enum Samples {
    static let profile = Profile(
        name: "tiny", releases: [.pypi], needsDatabase: true,
        start: Profile.Start(
            command: "tiny", arguments: ["--port", "{{port}}"],
            secrets: ["TINY_URI": .databaseURI, "TINY_HEADERS": .headerSecret]),
        http: Profile.HTTP(liveness: "/live"), version: Profile.Version(),
        canary: CanarySpec(tool: "list", contains: ["{{database}}"]), stop: Profile.Stop(), settings: [:],
        memoryDenyWriteExecute: true)

    static let shop = DatabaseGrant(database: "shop", role: "read")

    static func spec(_ version: String = "1.0.0", _ change: (inout FleetSpec) -> Void = { _ in }) -> FleetSpec {
        var spec = FleetSpec(
            name: "shop",
            server: ServerSpec(
                profile: "tiny", release: ReleaseReference(kind: .pypi, name: "tiny", version: version)),
            database: DatabaseSpec(uri: "mongodb://127.0.0.1:27017/", adminFile: "admin-uri"),
            pools: [PoolSpec(name: "analytics", replicas: 3, databases: [shop], scope: "mcp:analytics")],
            edge: EdgeSpec(
                url: "http://127.0.0.1:8443", listen: EdgeSpec.Listen(address: "127.0.0.1", port: 8443),
                authorization: .development),
            ports: PortsSpec(first: 42000, last: 42255),
            rollout: RolloutSpec(bake: 1, drain: 10, deadline: 600))
        change(&spec)
        return spec
    }

    /// A plan whose users and files are in place, as an operator leaves them before `begin`.
    static func staged(
        _ number: Int, in world: FakeWorld, over current: GenerationPlan? = nil, version: String = "1.0.0"
    ) async throws -> GenerationPlan {
        let fleet = world.newOperator(spec(version))
        let release = try await fleet.present(fleet.context.spec.server.release)
        let plan = try await fleet.planner(release).plan(number: number, current: current)
        try await fleet.credentials.create(for: plan)
        return plan
    }
}
