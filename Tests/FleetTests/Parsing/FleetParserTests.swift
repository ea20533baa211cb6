import Fleet
import Foundation
import Templates
import Testing

@Suite("The fleet parser")
struct FleetParserTests {
    private func example(_ name: String) throws -> FleetSpec {
        let found = try #require(SpecCase.all.first { $0.file.lastPathComponent == name + ".txt" })
        return try FleetSpec.parse(found.input, file: "fleet.yaml", profile: SpecCase.lookup)
    }

    @Test("every value of a full spec arrives where it belongs")
    func everything() throws {
        let spec = try example("good-everything")
        #expect(spec.name == "shop-2")
        #expect(
            spec.server.release
                == ReleaseReference(kind: .npm, name: "@scope/mongodb-mcp-server", version: "3.0.5-rc.1"))
        #expect(
            spec.server.settings == [
                "maxTimeMs": .integer(10000), "indexCheck": .bool(true), "responseType": .string("json"),
            ])
        #expect(spec.database?.adminFile == "secrets/admin-uri")
        #expect(spec.pools.map(\.name) == ["analytics", "support"])
        #expect(
            spec.pools[0].databases == [
                DatabaseGrant(database: "shop", role: "read"), DatabaseGrant(database: "reports", role: "reportReader"),
            ])
        #expect(spec.hosts[0] == HostSpec(name: "web-1", address: "10.0.0.11", ssh: "ops@10.0.0.11"))
        #expect(spec.edge.listen == EdgeSpec.Listen(address: "::", port: 8443))
        #expect(
            spec.edge.tls
                == EdgeSpec.TLS(
                    certificate: "tls/mcp.pem", key: "tls/mcp.key", clientCertificates: "tls/clients.pem",
                    stapling: "tls/ocsp.der"))
        let keys = EdgeSpec.KeySource.url("https://login.example.com/keys")
        #expect(spec.edge.authorization == .issuer(url: "https://login.example.com/realms/shop", jwks: keys))
        #expect(spec.ports == PortsSpec(first: 43000, last: 43100))
        #expect(spec.health.timeout == 0.5)
        #expect(spec.health.startDeadline == 120)
        #expect(spec.health.canary?.arguments["filter"]?["tags"] == .array([.string("x"), .integer(2), .bool(true)]))
        #expect(spec.rollout == RolloutSpec(bake: 0, drain: 90, deadline: 3600))
        #expect(spec.logs == LogsSpec(rotateAt: 64_000, keep: 0))
    }

    @Test("every rule for a pool's clients arrives where it belongs, and none where there is none")
    func poolRules() throws {
        let pool = try example("good-pool-rules").pools[0]
        #expect(pool.tools == ToolRule(.allow, ["find", "list-databases", "a/b.c_d"], legacyTools: .limited))
        #expect(pool.clients?.map(\.text) == ["10.0.0.0/8", "192.168.1.7", "2001:db8::/32", "::1"])
        #expect(pool.limits == LimitsSpec(rate: RateLimit(perSecond: 50, burst: 100), body: 1_000_000))
        let other = try example("good-pool-denies").pools[0]
        #expect(other.tools == ToolRule(.deny, ["export"]) && other.clients == nil)
        #expect(other.limits?.rate == RateLimit(perSecond: 1000.0 / 3600, burst: 10))
        let bare = try example("good-smallest").pools[0]
        #expect(bare.tools == nil && bare.clients == nil && bare.limits == nil)
    }

    @Test("bounds of instances arrive where they belong; a pool's are completed by the server's")
    func resources() throws {
        let spec = try example("good-resources")
        #expect(spec.server.resources == ResourcesSpec(memory: 512 << 20, tasks: 128, cpu: 200))
        #expect(spec.pools[0].resources == ResourcesSpec(memory: 2_000_000_000))
        #expect(spec.resources(of: "analytics") == ResourcesSpec(memory: 2_000_000_000, tasks: 128, cpu: 200))
        #expect(try example("good-smallest").resources(of: "analytics") == nil)
    }

    @Test("what is left out gets its default")
    func defaults() throws {
        let spec = try example("good-smallest")
        #expect(spec.edge.listen == EdgeSpec.Listen(address: "127.0.0.1", port: 8443))
        #expect(spec.health == HealthSpec() && spec.rollout == RolloutSpec() && spec.ports == PortsSpec())
        #expect(spec.hosts.isEmpty && spec.logs == LogsSpec() && spec.edge.mode == .dedicated)
    }

    @Test("every value of several issuers arrives where it belongs")
    func issuers() throws {
        let issuers = try example("good-issuers").edge.authorization.issuers
        #expect(issuers.map(\.url.last) == ["m", "/", "m", "m"])
        #expect(issuers[0] == IssuerSpec(url: "https://a.example.com", keys: .discover))
        #expect(issuers[1].keys == .url("https://b.example.com/keys"))
        #expect(issuers[1].algorithms == [.rs256, .ps512, .es384, .edDSA])
        #expect(issuers[1].audience == "api://mcp" && issuers[1].scopeClaim == "https://mcp.example.com/roles")
        #expect(issuers[2].keys == nil)
        #expect(
            issuers[2].introspection
                == IssuerSpec.Introspection(
                    endpoint: .url("https://c.example.com/introspect"), clientID: "convoy", secretFile: "secrets/c"))
        #expect(issuers[3].keys == .file("keys/d.json") && issuers[3].scopeClaim == "realm_access.roles")
        #expect(issuers.map(\.needsRefresher) == [true, true, true, false])
        #expect(try example("good-introspection").edge.authorization.issuers[0].introspection?.endpoint == .discover)
        #expect(try example("good-smallest").edge.authorization.issuers.isEmpty)
    }

    @Test("an edge listens where its url says, on all addresses unless that is loopback")
    func listen() throws {
        #expect(try example("good-https").edge.listen == EdgeSpec.Listen(address: "0.0.0.0", port: 443))
        #expect(try example("good-ipv6-loopback").edge.listen == EdgeSpec.Listen(address: "::1", port: 8443))
    }

    @Test("the spec that `convoy init` writes is valid")
    func starter() throws {
        let text = try #require(Templates.all["spec/fleet.yaml"])
        let spec = try FleetSpec.parse(text, file: "fleet.yaml", profile: SpecCase.lookup)
        #expect(spec.pools.first?.replicas == 3)
    }

    @Test("the starter stays valid when its commented sections are switched on")
    func starterUncommented() throws {
        var text = try #require(Templates.all["spec/fleet.yaml"])
        for section in ["health", "rollout", "hosts"] {
            let start = try #require(text.range(of: "# \(section):\n"))
            let end = text.range(of: "\n\n", range: start.upperBound..<text.endIndex)?.lowerBound ?? text.endIndex
            let block = text[start.lowerBound..<end].split(separator: "\n").map { $0.dropFirst(2) }
            text.replaceSubrange(start.lowerBound..<end, with: block.joined(separator: "\n"))
        }
        text = text.replacingOccurrences(of: "# ports:", with: "ports:").replacingOccurrences(
            of: "# logs:", with: "logs:")
        let spec = try FleetSpec.parse(text, file: "fleet.yaml", profile: SpecCase.lookup)
        // The comments promise that they show the defaults.
        #expect(spec.rollout == RolloutSpec(soak: SoakSpec()) && spec.ports == PortsSpec() && spec.logs == LogsSpec())
        var health = spec.health
        #expect(health.canary?.tool == "find")
        health.canary = nil
        #expect(health == HealthSpec())
    }

    @Test("fifty megabytes are refused before anything parses them")
    func huge() {
        let error = #expect(throws: SpecError.self) {
            try FleetSpec.parse(
                [UInt8](repeating: 0x61, count: 50_000_000), file: "fleet.yaml", profile: SpecCase.lookup)
        }
        #expect(
            error?.description
                == "fleet.yaml:1:1: error: the file has 50000000 bytes, "
                + "more than the 262144 allowed: check that this is the right file"
        )
    }

    @Test("diagnostics come sorted by place, each once")
    func order() throws {
        let found = try #require(SpecCase.all.first { $0.file.lastPathComponent == "several-at-once.txt" })
        let error = #expect(throws: SpecError.self) {
            try FleetSpec.parse(found.input, file: "fleet.yaml", profile: SpecCase.lookup)
        }
        let places = error?.diagnostics.map(\.location) ?? []
        #expect(places.count > 8 && places == places.sorted())
    }
}
