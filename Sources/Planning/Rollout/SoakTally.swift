import Foundation

/// So many, and how many of them were bad: a share, and how sure it is.
struct SoakTally: Sendable, Equatable {
    private(set) var all = 0
    private(set) var bad = 0
    /// Seconds in which something bad was seen. One hiccup of a database is no property of a release.
    private(set) var moments = 0
    private var lastMoment: Double?

    mutating func add(_ all: Int, bad: Int, at now: Double) {
        self.all += all
        self.bad += bad
        let moment = now.rounded(.down)
        guard bad > 0, moment != lastMoment else { return }
        moments += 1
        lastMoment = moment
    }

    var share: Double { all == 0 ? 0 : Double(min(bad, all)) / Double(all) }

    /// Whether the true share surely is above the limit. With fewer than `minimum` only what is glaring is sure.
    func isSurely(above limit: Double, minimum: Int) -> Bool {
        guard moments >= 3 else { return false }
        guard all >= minimum else { return bad >= 10 && share >= max(0.5, 2 * limit) }
        return bound(deviations: -Self.certainty) > limit
    }

    /// It is looked at twice a second, and each look may err: so three deviations and not two.
    private static let certainty = 3.0

    /// Where the true share ends by Wilson's interval, which holds for few and for rare ones, too.
    func bound(deviations z: Double) -> Double {
        guard all > 0 else { return z > 0 ? 1 : 0 }
        let n = Double(all)
        let spread = z * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
        return (share + z * z / (2 * n) + spread) / (1 + z * z / n)
    }
}
