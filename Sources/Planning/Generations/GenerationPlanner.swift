import Fleet
import Foundation

import struct Crypto.SHA256

/// Turns a wish into the exact plan of one generation on this machine. Pure: the same input gives
/// the same plan.
package struct GenerationPlanner: Sendable {
    package var spec: FleetSpec
    package var profile: Profile
    package var release: InstalledRelease
    package var command: ReleaseCommand
    package var layout: FleetLayout
    /// The only host to plan for; nil = all of them.
    package var host: String?
    /// Hosts that get nothing of it now. They are in the wish all the same.
    package var skips: Set<String> = []

    package init(
        spec: FleetSpec, profile: Profile, release: InstalledRelease, command: ReleaseCommand, layout: FleetLayout,
        host: String? = nil
    ) {
        self.spec = spec
        self.profile = profile
        self.release = release
        self.command = command
        self.layout = layout
        self.host = host
    }

    /// - Parameters:
    ///   - number: of the new generation.
    ///   - current: what serves now: the new generation takes the other colour, and slots keep their
    ///     ports.
    package func plan(number: Int, current: GenerationPlan?) throws -> GenerationPlan {
        try plan(number: number, colour: current?.colour.other ?? .a, current: current)
    }

    /// - Parameter current: whose slots keep their ports.
    func plan(number: Int, colour: Colour, current: GenerationPlan?) throws -> GenerationPlan {
        let slots = spec.pools.flatMap { pool in
            (1...pool.replicas).map { PortAllocation.Slot(pool: pool.name, number: $0) }
        }
        let allocation = try PortAllocation(
            slots: slots, before: current.map { [$0] } ?? [], range: spec.ports,
            monitoring: profile.start.monitoringPort)
        let instances = try spec.pools.flatMap { pool in
            try hosts.flatMap { host in
                try (1...pool.replicas).map { slot in
                    guard let ports = allocation.ports[.init(pool: pool.name, number: slot)] else {
                        throw Failure(.failed, "cannot plan \(pool.name)-\(slot)", because: "it has no port", next: "")
                    }
                    return try instance(pool, host, slot, number, colour, ports)
                }
            }
        }
        try checkNames(instances)
        return GenerationPlan(
            number: number, fleet: spec.name, colour: colour, release: release.stamp, profile: profile.name,
            wish: try wish(), instances: instances,
            pools: spec.pools.map {
                PoolPlan(
                    name: $0.name, scope: $0.scope, upstreamPath: profile.http.path, tools: $0.tools,
                    clients: $0.clients, limits: $0.limits, sessionsAreExternal: profile.http.sessions == .external)
            },
            edge: spec.edge, health: spec.health, rollout: spec.rollout, logs: spec.logs,
            origin: GenerationPlan.Origin(spec: spec, profile: profile))
    }

    /// Everything that makes a new generation necessary when it changes. How a rollout paces itself
    /// does not.
    package func wish() throws -> Digest {
        struct Wish: Codable {
            var release: ReleaseStamp
            var profile: Profile
            var spec: FleetSpec
        }
        var relevant = spec
        relevant.rollout = RolloutSpec()
        relevant.server.release = ReleaseReference(kind: .path, name: "", version: "")
        relevant.server.constraints = []
        relevant.database?.adminFile = nil
        relevant.ledger = nil
        // Of several it says nothing.
        if spec.hosts.count > 1 { relevant.operatorSeat = nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let bytes = try encoder.encode(Wish(release: release.stamp, profile: profile, spec: relevant))
        let hex = SHA256.hash(data: bytes).map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
        guard let digest = Digest(hex: hex) else {
            throw Failure(.failed, "cannot digest the plan", because: "SHA-256 gave \(hex)", next: "")
        }
        return digest
    }

    private var hosts: [String] {
        if let host { return [host] }
        return spec.spansHosts ? spec.hosts.map(\.name).filter { !skips.contains($0) } : ["local"]
    }

    /// `a-b` on `c` and `a` on `b-c` would share users and units.
    private func checkNames(_ instances: [InstancePlan]) throws {
        var seen: [String: InstancePlan] = [:]
        for instance in instances {
            guard let other = seen.updateValue(instance, forKey: instance.name) else { continue }
            throw Failure(
                .badSpec, "cannot plan \(instance.name)",
                because: "pool \(other.pool) on \(other.host) and pool \(instance.pool) on \(instance.host) "
                    + "give the same name",
                next: "rename a pool or a host")
        }
    }

    private func instance(
        _ pool: PoolSpec, _ host: String, _ slot: Int, _ generation: Int, _ colour: Colour,
        _ ports: PortAllocation.Ports
    ) throws -> InstancePlan {
        // A fleet of one host keeps the names that it was begun with.
        let place = spec.spansHosts ? "\(pool.name)-\(host)" : pool.name
        let name = "\(place)-\(slot)-g\(generation)"
        let directory = layout.instance(name)
        let port = ports.port(colour)
        let expansion = try expand(
            TemplateValues(
                port: port, monitoringPort: ports.monitoring(colour), stateDirectory: directory + "/state",
                exportsDirectory: directory + "/exports", logDirectory: directory + "/log", instance: name,
                pool: pool.name, database: pool.databases.first?.database))
        let hasSecrets = !profile.start.secrets.isEmpty
        let hasHeader = profile.start.secrets.values.contains(.headerSecret)
        return InstancePlan(
            name: name, pool: pool.name, host: host, slot: slot, generation: generation, port: port,
            siblingPort: ports.port(colour.other), monitoringPort: ports.monitoring(colour),
            siblingMonitoringPort: ports.monitoring(colour.other),
            launch: LaunchPlan(
                executable: command.executable, arguments: command.arguments + expansion.arguments,
                environment: command.environment.merging(expansion.environment) { _, profile in profile },
                secretsFile: hasSecrets ? directory + "/secrets.json" : nil,
                workingDirectory: directory + "/state", logFile: layout.log(name)),
            probe: ProbePlan(
                endpoint: "http://127.0.0.1:\(port)\(profile.http.path)", host: expansion.host,
                liveness: liveness(port, ports.monitoring(colour)), timeout: spec.health.timeout,
                canary: expansion.canary, version: profile.version,
                expectedVersion: release.reference.version,
                headersFile: hasHeader ? directory + "/headers.json" : nil),
            proof: profile.needsDatabase
                ? ProofPlan(
                    user: InstanceUser.name(fleet: spec.name, instance: name), uriFile: directory + "/uri",
                    grants: pool.databases, interval: spec.health.proofInterval)
                : nil,
            stop: profile.stop)
    }

    private func expand(_ values: TemplateValues) throws -> ExpandedProfile {
        do {
            return try profile.expand(values, settings: spec.server.settings, canary: spec.health.canary)
        } catch {
            throw Failure(
                .badSpec, "cannot fill in profile \(profile.name)", because: error.what, next: error.fix)
        }
    }

    private func liveness(_ port: Int, _ monitoring: Int?) -> String? {
        profile.http.liveness.map { path in
            "http://127.0.0.1:\(profile.http.livenessOnMonitoringPort ? monitoring ?? port : port)\(path)"
        }
    }
}

/// Names of the database users that Convoy makes.
package enum InstanceUser {
    /// The dot ends the fleet's name, which can't hold one: `shop` must not take users of `shop-eu` for its own.
    package static func prefix(fleet: String) -> String { "convoy-\(fleet)." }
    package static func name(fleet: String, instance: String) -> String { prefix(fleet: fleet) + instance }
}
