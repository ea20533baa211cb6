/// What an instance was seen to do, counted since its supervisor first saw it: only differences between two
/// reports mean anything, and figures that went down were begun anew.
package struct InstanceFigures: Sendable, Equatable, Codable {
    /// Resident memory of the process and all that descends from it.
    package struct Memory: Sendable, Equatable, Codable {
        package var bytes: Int
        /// When it was looked at, on the supervisor's monotonic clock.
        package var at: Seconds

        package init(bytes: Int, at: Seconds) {
            self.bytes = bytes
            self.at = at
        }
    }

    package var name: String
    package var pool: String
    package var generation: Int
    /// Calls that the edge sent to it. Streams are none: they are there to last.
    package var requests: Int
    /// Of these, answered with 5xx, timed out, or cut.
    package var errors: Int
    /// Calls that did not reach it, since nobody listened; another instance answered them.
    package var unreachable: Int
    /// Of calls answered with 2xx.
    package var latency: LatencyHistogram
    /// Absent until it was looked at.
    package var memory: Memory?
    package var restarts: Int
    package var probes: Int
    package var probeFailures: Int
    package var isProved: Bool

    package init(
        name: String, pool: String, generation: Int, requests: Int = 0, errors: Int = 0, unreachable: Int = 0,
        latency: LatencyHistogram = LatencyHistogram(), memory: Memory? = nil, restarts: Int = 0, probes: Int = 0,
        probeFailures: Int = 0, isProved: Bool = true
    ) {
        self.name = name
        self.pool = pool
        self.generation = generation
        self.requests = requests
        self.errors = errors
        self.unreachable = unreachable
        self.latency = latency
        self.memory = memory
        self.restarts = restarts
        self.probes = probes
        self.probeFailures = probeFailures
        self.isProved = isProved
    }
}

extension InstanceFigures {
    /// What was counted since the earlier report; nil when somebody began to count anew.
    package func since(_ earlier: InstanceFigures) -> InstanceFigures? {
        guard let slower = latency.since(earlier.latency), requests >= earlier.requests, errors >= earlier.errors,
            unreachable >= earlier.unreachable, probes >= earlier.probes, probeFailures >= earlier.probeFailures
        else { return nil }
        var rest = self
        rest.requests -= earlier.requests
        rest.errors -= earlier.errors
        rest.unreachable -= earlier.unreachable
        rest.latency = slower
        rest.probes -= earlier.probes
        rest.probeFailures -= earlier.probeFailures
        return rest
    }
}
