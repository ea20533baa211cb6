/// A rolling update, for hosts without room for two whole generations.
package struct RollingSpec: Sendable, Equatable, Codable {
    /// So many instances of each pool may be missing at a time, on each host.
    package var maxUnavailable: Int

    package init(maxUnavailable: Int = 1) { self.maxUnavailable = maxUnavailable }
}

/// The next generation gets some of the new traffic first, and is watched.
package struct CanaryRolloutSpec: Sendable, Equatable, Codable {
    package enum Size: Sendable, Equatable, Codable {
        /// So many of each pool, on each host; they get the part of the callers that they are of all instances.
        case instances(Int)
        /// All instances start, and get this part (0...1) of the callers.
        case share(Double)
    }

    package var size: Size
    package var time: Seconds

    package init(size: Size = .share(0.1), time: Seconds = 60) {
        self.size = size
        self.time = time
    }

    /// Such as `1 instance of each pool` or `10% of all callers`.
    package func words(_ spansHosts: Bool) -> String {
        switch size {
        case .instances(let count):
            return "\(count) instance\(count == 1 ? "" : "s") of each pool" + (spansHosts ? " on each host" : "")
        case .share(let part):
            let tenths = Int((part * 1000).rounded())
            return (tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(Double(tenths) / 10)") + "% of all callers"
        }
    }
}
