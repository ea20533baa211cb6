import Fleet
import Ports

package enum LedgerSamples {
    package static func plan(_ number: Int) throws -> GenerationPlan {
        let digest =
            try Digest(hex: String(repeating: "a", count: 64)) ?? { throw LedgerBreach(description: "no digest") }()
        let edge = EdgeSpec(
            url: "http://127.0.0.1:8443", listen: EdgeSpec.Listen(address: "127.0.0.1", port: 8443),
            authorization: .issuer(url: "https://i", jwks: .file("/k")))
        let profile = Profile(
            name: "tiny", releases: [.pypi], needsDatabase: true, start: Profile.Start(command: "tiny"),
            http: Profile.HTTP(), version: Profile.Version(),
            canary: CanarySpec(tool: "find", arguments: .object(["a": .array([.integer(1), .number(1.5), .null])])),
            stop: Profile.Stop(), settings: [:], memoryDenyWriteExecute: true)
        let spec = FleetSpec(
            name: "shop",
            server: ServerSpec(
                profile: "tiny", release: ReleaseReference(kind: .pypi, name: "tiny", version: "1.0.\(number)")),
            database: DatabaseSpec(uri: "mongodb://db1/"), pools: [], edge: edge)
        return GenerationPlan(
            number: number, fleet: "shop", colour: number.isMultiple(of: 2) ? .b : .a,
            release: ReleaseStamp(name: "tiny", version: "1.0.\(number)", digest: digest), profile: "tiny",
            wish: digest, instances: [], pools: [PoolPlan(name: "p", scope: "s", upstreamPath: "/mcp")], edge: edge,
            health: HealthSpec(), rollout: RolloutSpec(), logs: LogsSpec(),
            origin: GenerationPlan.Origin(spec: spec, profile: profile))
    }

    package static func record() throws -> LedgerRecord {
        LedgerRecord(
            nextGeneration: 4, current: try plan(2), previous: try plan(1), next: try plan(3),
            audit: [.init(at: 1_700_000_000.25, verb: "up", outcome: "1.0.2: converged")])
    }
}
