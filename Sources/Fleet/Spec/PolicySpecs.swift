/// How instances are judged. Durations travel as seconds in JSON.
package struct HealthSpec: Sendable, Equatable, Codable {
    package var interval: Seconds
    package var timeout: Seconds
    package var unhealthyAfter: Int
    package var healthyAfter: Int
    /// How long an instance may take from start to ready.
    package var startDeadline: Seconds
    /// How often each instance's database user is proved again. At most a minute (law 1).
    package var proofInterval: Seconds
    /// Absent = the profile's own canary.
    package var canary: CanarySpec?

    package init(
        interval: Seconds = 5, timeout: Seconds = 2, unhealthyAfter: Int = 2, healthyAfter: Int = 2,
        startDeadline: Seconds = 60, proofInterval: Seconds = 60, canary: CanarySpec? = nil
    ) {
        self.interval = interval
        self.timeout = timeout
        self.unhealthyAfter = unhealthyAfter
        self.healthyAfter = healthyAfter
        self.startDeadline = startDeadline
        self.proofInterval = proofInterval
        self.canary = canary
    }
}

/// A read-only tool call whose answer tells whether the instance truly serves its data.
package struct CanarySpec: Sendable, Equatable, Codable {
    package var tool: String
    package var arguments: JSONValue
    /// Text that the answer must contain: servers report refusals as ordinary, successful text.
    package var contains: [String]
    /// Text that the answer must not contain.
    package var excludes: [String]

    package init(
        tool: String, arguments: JSONValue = .object([:]), contains: [String] = [], excludes: [String] = []
    ) {
        self.tool = tool
        self.arguments = arguments
        self.contains = contains
        self.excludes = excludes
    }
}

package struct RolloutSpec: Sendable, Equatable, Codable {
    package enum Strategy: String, Sendable, Equatable, Codable, CaseIterable { case flip, rolling, canary }

    package var strategy: Strategy
    /// How long the new generation is watched after the flip before the old one is drained.
    package var bake: Seconds
    /// Longest wait for sessions and calls of the old generation to end.
    package var drain: Seconds
    /// Longest wait for instances to become fit: of the whole generation, or of each part of it.
    package var deadline: Seconds
    /// Longest time before the flip in which nothing gets better; absent = only the deadline counts. Not
    /// encoded when absent: it must not change the wish of a fleet that an older convoy brought up.
    package var progress: Seconds?
    /// How much worse than the generation before the new one may be; absent = the usual bounds. Optional so that
    /// what an older Convoy wrote can be read.
    package var soak: SoakSpec?
    /// Of strategy rolling; absent = one at a time.
    package var rolling: RollingSpec?
    /// Of strategy canary; absent = a tenth of the callers for a minute.
    package var canary: CanaryRolloutSpec?

    package init(
        strategy: Strategy = .flip, bake: Seconds = 30, drain: Seconds = 300, deadline: Seconds = 600,
        progress: Seconds? = nil, soak: SoakSpec? = nil, rolling: RollingSpec? = nil, canary: CanaryRolloutSpec? = nil
    ) {
        self.strategy = strategy
        self.bake = bake
        self.drain = drain
        self.deadline = deadline
        self.progress = progress
        self.soak = soak
        self.rolling = rolling
        self.canary = canary
    }
}

/// A length of time in seconds, as it travels in JSON. Spelt with a unit in YAML: `500ms`, `30s`,
/// `5m`, `1h`.
package struct Seconds: Sendable, Hashable, Codable, Comparable, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral
{
    package var value: Double

    package init(_ value: Double) { self.value = value }
    package init(integerLiteral value: Int) { self.value = Double(value) }
    package init(floatLiteral value: Double) { self.value = value }

    package init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Double.self) }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }

    package var duration: Duration { .milliseconds(Int64((value * 1000).rounded())) }
    package static func < (left: Seconds, right: Seconds) -> Bool { left.value < right.value }
}
