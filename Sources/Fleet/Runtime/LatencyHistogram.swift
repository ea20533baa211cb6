import Foundation

/// How long calls took, in buckets whose bounds grow by a fixed factor: small however many calls it holds, and
/// two of them can be added or subtracted. Four buckets an octave from 1 ms to 220 s: a quantile is at most a
/// fifth too high.
package struct LatencyHistogram: Sendable, Equatable {
    package static let size = 72
    private static let perOctave = 4.0

    /// Calls per bucket, the fastest first; without the empty ones at the end.
    package private(set) var counts: [Int] = []

    package init() {}

    package var total: Int { counts.reduce(0, +) }

    package mutating func add(_ time: Seconds, count: Int = 1) {
        let bucket = Self.bucket(of: time)
        if counts.count <= bucket { counts += Array(repeating: 0, count: bucket + 1 - counts.count) }
        counts[bucket] += count
    }

    /// Upper bound of the bucket in which this part of all calls ends; 0 without calls.
    package func quantile(_ part: Double) -> Seconds {
        let wanted = max(1, Int((Double(total) * part).rounded(.up)))
        var reached = 0
        for (bucket, count) in counts.enumerated() {
            reached += count
            if reached >= wanted { return Self.bound(of: bucket) }
        }
        return counts.isEmpty ? 0 : Self.bound(of: counts.count - 1)
    }

    /// Calls that surely took longer.
    package func count(above limit: Seconds) -> Int {
        let first = Self.bucket(of: limit) + 1
        return counts.count > first ? counts[first...].reduce(0, +) : 0
    }

    package static func + (left: LatencyHistogram, right: LatencyHistogram) -> LatencyHistogram {
        var sum = left.counts.count >= right.counts.count ? left : right
        let other = left.counts.count >= right.counts.count ? right : left
        for (bucket, count) in other.counts.enumerated() { sum.counts[bucket] += count }
        return sum
    }

    /// Nil when this is not a later state of it: then somebody began to count anew.
    package func since(_ earlier: LatencyHistogram) -> LatencyHistogram? {
        guard earlier.counts.count <= counts.count else { return nil }
        var rest = self
        for (bucket, count) in earlier.counts.enumerated() {
            rest.counts[bucket] -= count
            guard rest.counts[bucket] >= 0 else { return nil }
        }
        return rest
    }

    private static func bucket(of time: Seconds) -> Int {
        let milliseconds = time.value * 1000
        guard milliseconds > 1 else { return 0 }
        // What lies on a bound is within it, whatever the logarithm's last digit says.
        return min(size - 1, Int((log2(milliseconds) * perOctave - 1e-9).rounded(.up)))
    }

    private static func bound(of bucket: Int) -> Seconds { Seconds(pow(2, Double(bucket) / perOctave) / 1000) }
}

/// In JSON just the counts: `[12, 0, 3]`.
extension LatencyHistogram: Codable {
    package init(from decoder: any Decoder) throws {
        let found = try decoder.singleValueContainer().decode([Int].self)
        counts = found.prefix(Self.size).map { max(0, $0) }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(counts)
    }
}
