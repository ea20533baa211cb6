import Fleet
import Foundation
import Testing

@testable import Operations

@Suite("Issuers in the policy that the supervisor writes", .timeLimit(.minutes(10)))
struct IssuerPolicyTests {
    private let world = FakeWorld()

    private func issuers(_ issuers: [IssuerSpec]) async throws -> [GatePolicy.Issuer] {
        let supervisor = world.startSupervisor()
        var plan = try await Samples.staged(1, in: world)
        plan.edge.authorization = .issuers(issuers)
        try await world.run { [plan] in try await supervisor.begin(plan) }
        let text = try #require(world.disk[world.layout.gatePolicy])
        return try JSONDecoder().decode(GatePolicy.self, from: Data(text.utf8)).issuers
    }

    @Test("keys in a file are in it, keys elsewhere are the refresher's, and everything else is as it was spelt")
    func policy() async throws {
        world.disk["/keys.json"] = #"{"keys":[]}"#
        let found = try await issuers([
            IssuerSpec(url: "https://a", keys: .file("/keys.json"), algorithms: [.es256], audience: "api://mcp"),
            IssuerSpec(url: "https://b", keys: .discover, scopeClaim: "realm_access.roles"),
            IssuerSpec(
                url: "https://c", keys: nil,
                introspection: .init(endpoint: .discover, clientID: "convoy", secretFile: "/secret")),
        ])
        #expect(
            found == [
                .init(
                    url: "https://a", keys: .inline(.object(["keys": .array([])])), algorithms: [.es256],
                    audience: "api://mcp"),
                .init(url: "https://b", keys: .refresher, scopeClaim: "realm_access.roles"),
                .init(url: "https://c", keys: .none, introspection: true),
            ])
    }

    @Test("a file of keys that is missing is named, and nothing is written")
    func missing() async throws {
        let failure = await #expect(throws: Failure.self) {
            try await issuers([IssuerSpec(url: "https://a", keys: .file("/nowhere.json"))])
        }
        #expect(failure?.why == "/nowhere.json is missing")
    }
}
