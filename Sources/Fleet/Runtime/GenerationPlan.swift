/// Everything a host needs to run one generation, with no secret in it: made by the operator's
/// `convoy`, sent to the supervisor, persisted there, and adopted from there after a restart.
package struct GenerationPlan: Sendable, Equatable, Codable {
    /// Counts up from 1 and is never used again.
    package var number: Int
    package var fleet: String
    package var colour: Colour
    package var release: ReleaseStamp
    package var profile: String
    /// What was asked for, apart from the generation's number: equal digests mean nothing to do.
    package var wish: Digest
    package var instances: [InstancePlan]
    package var pools: [PoolPlan]
    package var edge: EdgeSpec
    package var health: HealthSpec
    package var rollout: RolloutSpec
    package var logs: LogsSpec
    /// What it was planned from, so that a rollback brings back all of it and not just the release.
    package var origin: Origin
    /// Of instances that were there before the generation got more or fewer: the wish that they were planned
    /// under. Absent where all are of the same.
    package var plannedUnder: [String: Digest]?

    package struct Origin: Sendable, Equatable, Codable {
        package var spec: FleetSpec
        package var profile: Profile

        package init(spec: FleetSpec, profile: Profile) {
            self.spec = spec
            self.profile = profile
        }
    }

    package init(
        number: Int, fleet: String, colour: Colour, release: ReleaseStamp, profile: String, wish: Digest,
        instances: [InstancePlan], pools: [PoolPlan], edge: EdgeSpec, health: HealthSpec, rollout: RolloutSpec,
        logs: LogsSpec, origin: Origin, plannedUnder: [String: Digest]? = nil
    ) {
        self.number = number
        self.fleet = fleet
        self.colour = colour
        self.release = release
        self.profile = profile
        self.wish = wish
        self.instances = instances
        self.pools = pools
        self.edge = edge
        self.health = health
        self.rollout = rollout
        self.logs = logs
        self.origin = origin
        self.plannedUnder = plannedUnder
    }

    /// The wish that an instance of it was planned under.
    package func wish(of instance: String) -> Digest { plannedUnder?[instance] ?? wish }
}

/// Two generations can run side by side: one of each colour. Ports and upstream groups belong to a
/// colour for good, so that a flip needs no new nginx configuration.
package enum Colour: String, Sendable, Hashable, Codable, CaseIterable {
    case a, b

    package var other: Colour { self == .a ? .b : .a }
}

/// A release as it is: what it calls itself and what its bytes say.
package struct ReleaseStamp: Sendable, Hashable, Codable {
    package var name: String
    package var version: String
    package var digest: Digest

    package init(name: String, version: String, digest: Digest) {
        self.name = name
        self.version = version
        self.digest = digest
    }
}

package struct InstancePlan: Sendable, Equatable, Codable {
    /// `POOL-SLOT-gGENERATION`, such as `analytics-1-g2`; in a fleet over several hosts `POOL-HOST-SLOT-gGENERATION`.
    package var name: String
    package var pool: String
    package var host: String
    /// Counts from 1 within the pool on its host.
    package var slot: Int
    package var generation: Int
    package var port: Int
    /// The same slot's port in the other colour.
    package var siblingPort: Int
    package var monitoringPort: Int?
    package var siblingMonitoringPort: Int?
    package var launch: LaunchPlan
    package var probe: ProbePlan
    /// Absent for servers without a database.
    package var proof: ProofPlan?
    package var stop: Profile.Stop

    package init(
        name: String, pool: String, host: String, slot: Int, generation: Int, port: Int, siblingPort: Int,
        monitoringPort: Int?, siblingMonitoringPort: Int? = nil, launch: LaunchPlan, probe: ProbePlan,
        proof: ProofPlan?, stop: Profile.Stop
    ) {
        self.name = name
        self.pool = pool
        self.host = host
        self.slot = slot
        self.generation = generation
        self.port = port
        self.siblingPort = siblingPort
        self.monitoringPort = monitoringPort
        self.siblingMonitoringPort = siblingMonitoringPort
        self.launch = launch
        self.probe = probe
        self.proof = proof
        self.stop = stop
    }
}

/// How the process is started. Paths are absolute. Secrets come from `secretsFile` at exec time.
package struct LaunchPlan: Sendable, Equatable, Codable {
    package var executable: String
    package var arguments: [String]
    package var environment: [String: String]
    /// 0600 JSON object, environment name -> value; absent = no secrets.
    package var secretsFile: String?
    package var workingDirectory: String
    package var logFile: String

    package init(
        executable: String, arguments: [String], environment: [String: String], secretsFile: String?,
        workingDirectory: String, logFile: String
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.secretsFile = secretsFile
        self.workingDirectory = workingDirectory
        self.logFile = logFile
    }
}

/// How an instance is asked whether it lives, is ready and truly serves.
package struct ProbePlan: Sendable, Equatable, Codable {
    /// `http://127.0.0.1:PORT/mcp`
    package var endpoint: String
    /// Value of the `Host` header.
    package var host: String
    /// URL that tells that the process lives.
    package var liveness: String?
    package var timeout: Seconds
    package var canary: CanarySpec?
    package var version: Profile.Version
    /// The version that a truthful server announces.
    package var expectedVersion: String
    /// 0600 JSON object, header name -> value, that the server insists on; absent = none.
    package var headersFile: String?

    package init(
        endpoint: String, host: String, liveness: String?, timeout: Seconds, canary: CanarySpec?,
        version: Profile.Version, expectedVersion: String, headersFile: String? = nil
    ) {
        self.endpoint = endpoint
        self.host = host
        self.liveness = liveness
        self.timeout = timeout
        self.canary = canary
        self.version = version
        self.expectedVersion = expectedVersion
        self.headersFile = headersFile
    }
}

/// What must be proved of an instance's database user.
package struct ProofPlan: Sendable, Equatable, Codable {
    package var user: String
    /// 0600 file with the instance user's connection string.
    package var uriFile: String
    /// Exactly these roles, no more and no fewer.
    package var grants: [DatabaseGrant]
    package var interval: Seconds

    package init(user: String, uriFile: String, grants: [DatabaseGrant], interval: Seconds) {
        self.user = user
        self.uriFile = uriFile
        self.grants = grants
        self.interval = interval
    }
}

extension GenerationPlan {
    /// The file that an nginx which is there already includes; nil where the fleet has its own.
    package var sharedEdgeFile: String? { edge.mode == .include ? edge.includeFile(of: fleet) : nil }
}
