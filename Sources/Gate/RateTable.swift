import Fleet
import Synchronization

/// A bucket per owner, in a table of fixed size. When a set of places is full, the fullest bucket goes:
/// its owner, who has hardly asked, loses next to nothing.
package final class RateTable: Sendable {
    private struct Bucket: Sendable {
        var owner: Digest128
        var level: Double
        /// When `level` was true; seconds since 1970.
        var at: Double
        var limit: RateLimit

        func level(at now: Double) -> Double {
            min(Double(limit.burst), level + max(0, now - at) * limit.perSecond)
        }
    }

    private static let ways = 8
    private let sets: Int
    private let buckets: Mutex<[Bucket?]>

    package init(count: Int = 16_384) {
        sets = max(1, count / Self.ways)
        buckets = Mutex([Bucket?](repeating: nil, count: sets * Self.ways))
    }

    /// Nil when the owner may ask now; else after how many whole seconds.
    package func take(_ owner: Digest128, _ limit: RateLimit, now: Double) -> Int? {
        let first = Int(owner.low % UInt64(sets)) * Self.ways
        return buckets.withLock { buckets in
            let index = Self.place(of: owner, in: first..<first + Self.ways, buckets, now)
            var bucket =
                buckets[index].flatMap { $0.owner == owner ? $0 : nil }
                ?? Bucket(owner: owner, level: Double(limit.burst), at: now, limit: limit)
            bucket.limit = limit
            bucket.level = bucket.level(at: now)
            bucket.at = now
            defer { buckets[index] = bucket }
            guard bucket.level >= 1 else {
                return Int(min(max(1, ((1 - bucket.level) / limit.perSecond).rounded(.up)), 86_400))
            }
            bucket.level -= 1
            return nil
        }
    }

    private static func place(of owner: Digest128, in places: Range<Int>, _ buckets: [Bucket?], _ now: Double) -> Int {
        var fullest = places.lowerBound
        var most = -1.0
        var free: Int?
        for index in places {
            guard let bucket = buckets[index] else {
                free = free ?? index
                continue
            }
            if bucket.owner == owner { return index }
            let share = bucket.level(at: now) / Double(bucket.limit.burst)
            if share > most { (fullest, most) = (index, share) }
        }
        return free ?? fullest
    }
}
