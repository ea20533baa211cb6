/// How much worse than the generation before the new one may be while it bakes.
package struct SoakSpec: Sendable, Equatable, Codable {
    /// How many more of the calls, and of the probes, may fail, as a share: 0.01 is 1 %.
    package var errorRate: Double
    /// How many times as long as before the 95th percentile may be.
    package var latencyFactor: Double
    /// How much longer it may be in any case: twice nothing is nothing.
    package var latencyFloor: Seconds
    /// Bytes a second by which an instance's resident memory may climb steadily.
    package var memoryGrowth: Int
    /// How often one instance may start again.
    package var restarts: Int
    /// With fewer calls only what is glaring counts.
    package var minimumCalls: Int

    package init(
        errorRate: Double = 0.01, latencyFactor: Double = 2, latencyFloor: Seconds = 0.05,
        memoryGrowth: Int = 1_000_000, restarts: Int = 1, minimumCalls: Int = 50
    ) {
        self.errorRate = errorRate
        self.latencyFactor = latencyFactor
        self.latencyFloor = latencyFloor
        self.memoryGrowth = memoryGrowth
        self.restarts = restarts
        self.minimumCalls = minimumCalls
    }
}
