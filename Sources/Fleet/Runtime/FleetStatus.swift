/// What `convoy status --json` prints: one stable document (`ops/schemas/status.schema.json`).
package struct FleetStatus: Sendable, Equatable, Codable {
    package var fleet: String
    /// The generation that serves; 0 before the first.
    package var generation: Int
    package var release: ReleaseStamp?
    /// Every wished instance of the serving generation is ready, proved and in rotation, nothing
    /// else runs, edge and gate are up.
    package var converged: Bool
    package var instances: [InstanceStatus]
    package var edge: EdgeStatus
    package var gate: GateStatus
    package var supervisor: SupervisorStatus
    /// Who gets the new traffic: one entry per pool and generation that gets any; the parts of a pool add up
    /// to 1. Empty while nobody serves.
    package var trafficShare: [TrafficShare]
    /// Of a fleet over several hosts, in the order of fleet.yaml; empty where there is one.
    package var hosts: [HostStatus]

    package init(
        fleet: String, generation: Int, release: ReleaseStamp?, converged: Bool, instances: [InstanceStatus],
        edge: EdgeStatus, gate: GateStatus, supervisor: SupervisorStatus, trafficShare: [TrafficShare] = [],
        hosts: [HostStatus] = []
    ) {
        self.fleet = fleet
        self.generation = generation
        self.release = release
        self.converged = converged
        self.instances = instances
        self.edge = edge
        self.gate = gate
        self.supervisor = supervisor
        self.trafficShare = trafficShare
        self.hosts = hosts
    }
}

package enum InstanceState: String, Sendable, Hashable, Codable, CaseIterable {
    /// Known, not started.
    case pending
    /// Started, not ready yet.
    case starting
    /// In rotation, or fit to be.
    case serving
    /// Runs, but is out of rotation; `reason` says why.
    case unfit
    /// Died; waits for its next start.
    case restarting
    /// Out of rotation for good, ending its calls.
    case draining
    /// Told to stop.
    case stopping
    case stopped
    /// Will not be started; `reason` says why.
    case refused
}

package struct InstanceStatus: Sendable, Equatable, Codable {
    package var name: String
    package var pool: String
    package var host: String
    package var slot: Int
    package var generation: Int
    package var version: String
    package var digest: Digest
    package var state: InstanceState
    package var ready: Bool
    /// Why it is not ready, or the last fault; empty when there is nothing to say.
    package var reason: String
    package var port: Int
    package var pid: Int32?
    package var uptimeSeconds: Double?
    package var databaseUser: String?
    package var proof: ProofStatus?
    package var eras: [Era]
    package var toolsDigest: Digest?
    package var restarts: Int
    /// Paths of files by which an admin changed its unit; none on the direct backend.
    package var dropIns: [String]

    package init(
        name: String, pool: String, host: String, slot: Int, generation: Int, version: String, digest: Digest,
        state: InstanceState, ready: Bool, reason: String, port: Int, pid: Int32?, uptimeSeconds: Double?,
        databaseUser: String?, proof: ProofStatus?, eras: [Era], toolsDigest: Digest?, restarts: Int,
        dropIns: [String] = []
    ) {
        self.name = name
        self.pool = pool
        self.host = host
        self.slot = slot
        self.generation = generation
        self.version = version
        self.digest = digest
        self.state = state
        self.ready = ready
        self.reason = reason
        self.port = port
        self.pid = pid
        self.uptimeSeconds = uptimeSeconds
        self.databaseUser = databaseUser
        self.proof = proof
        self.eras = eras
        self.toolsDigest = toolsDigest
        self.restarts = restarts
        self.dropIns = dropIns
    }
}

/// In JSON: `{"verdict": "proved", "reason": "", "ageSeconds": 12.3}`.
package struct ProofStatus: Sendable, Equatable, Codable {
    package var verdict: ProofVerdict
    /// Seconds since the proof was taken.
    package var ageSeconds: Double?

    private enum Keys: CodingKey { case ageSeconds }

    package init(from decoder: any Decoder) throws {
        verdict = try ProofVerdict(from: decoder)
        ageSeconds = try decoder.container(keyedBy: Keys.self).decodeIfPresent(Double.self, forKey: .ageSeconds)
    }

    package func encode(to encoder: any Encoder) throws {
        try verdict.encode(to: encoder)
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(ageSeconds, forKey: .ageSeconds)
    }

    package init(verdict: ProofVerdict, ageSeconds: Double?) {
        self.verdict = verdict
        self.ageSeconds = ageSeconds
    }
}

package struct EdgeStatus: Sendable, Equatable, Codable {
    package enum State: String, Sendable, Equatable, Codable { case up, down, starting }

    package var url: String
    package var state: State
    package var reason: String

    package init(url: String, state: State, reason: String = "") {
        self.url = url
        self.state = state
        self.reason = reason
    }
}

package struct GateStatus: Sendable, Equatable, Codable {
    package var state: EdgeStatus.State
    package var reason: String

    package init(state: EdgeStatus.State, reason: String = "") {
        self.state = state
        self.reason = reason
    }
}

package struct SupervisorStatus: Sendable, Equatable, Codable {
    package var state: EdgeStatus.State
    package var pid: Int32?
    package var version: String

    package init(state: EdgeStatus.State, pid: Int32?, version: String) {
        self.state = state
        self.pid = pid
        self.version = version
    }
}

/// The two eras of the MCP protocol: <= 2025-11-25 with sessions, >= 2026-07-28 without.
package enum Era: String, Sendable, Hashable, Codable, CaseIterable { case modern, legacy }

// A key that is absent and a key that is null are two things to a script: every key is always there.
extension FleetStatus {
    private enum CodingKeys: CodingKey {
        case fleet, generation, release, converged, instances, edge, gate, supervisor, trafficShare, hosts
    }

    /// A supervisor of an older release does not say who shares.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            fleet: try values.decode(String.self, forKey: .fleet),
            generation: try values.decode(Int.self, forKey: .generation),
            release: try values.decodeIfPresent(ReleaseStamp.self, forKey: .release),
            converged: try values.decode(Bool.self, forKey: .converged),
            instances: try values.decode([InstanceStatus].self, forKey: .instances),
            edge: try values.decode(EdgeStatus.self, forKey: .edge),
            gate: try values.decode(GateStatus.self, forKey: .gate),
            supervisor: try values.decode(SupervisorStatus.self, forKey: .supervisor),
            trafficShare: try values.decodeIfPresent([TrafficShare].self, forKey: .trafficShare) ?? [],
            hosts: try values.decodeIfPresent([HostStatus].self, forKey: .hosts) ?? [])
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(fleet, forKey: .fleet)
        try container.encode(generation, forKey: .generation)
        try container.encode(release, forKey: .release)
        try container.encode(converged, forKey: .converged)
        try container.encode(instances, forKey: .instances)
        try container.encode(edge, forKey: .edge)
        try container.encode(gate, forKey: .gate)
        try container.encode(supervisor, forKey: .supervisor)
        try container.encode(trafficShare, forKey: .trafficShare)
        try container.encode(hosts, forKey: .hosts)
    }
}

extension SupervisorStatus {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(state, forKey: .state)
        try container.encode(pid, forKey: .pid)
        try container.encode(version, forKey: .version)
    }
}

extension InstanceStatus {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(pool, forKey: .pool)
        try container.encode(host, forKey: .host)
        try container.encode(slot, forKey: .slot)
        try container.encode(generation, forKey: .generation)
        try container.encode(version, forKey: .version)
        try container.encode(digest, forKey: .digest)
        try container.encode(state, forKey: .state)
        try container.encode(ready, forKey: .ready)
        try container.encode(reason, forKey: .reason)
        try container.encode(port, forKey: .port)
        try container.encode(pid, forKey: .pid)
        try container.encode(uptimeSeconds, forKey: .uptimeSeconds)
        try container.encode(databaseUser, forKey: .databaseUser)
        try container.encode(proof, forKey: .proof)
        try container.encode(eras, forKey: .eras)
        try container.encode(toolsDigest, forKey: .toolsDigest)
        try container.encode(restarts, forKey: .restarts)
        try container.encode(dropIns, forKey: .dropIns)
    }
}
