import Fleet

/// What one pool did before and after the flip, and whether it got worse. Pools are not thrown together: their
/// shares of the traffic may change, and nobody's fault that is.
struct PoolSoak: Sendable, Equatable {
    struct Sample: Sendable, Equatable {
        var calls = SoakTally()
        var probes = SoakTally()
        var latency = LatencyHistogram()

        mutating func add(_ figures: InstanceFigures, at now: Seconds) {
            calls.add(figures.requests, bad: figures.errors, at: now.value)
            probes.add(figures.probes, bad: figures.probeFailures, at: now.value)
            latency = latency + figures.latency
        }
    }

    /// While the rollout was under way.
    private var recent = Sample()
    /// All before that, for when that says too little.
    private var past = Sample()
    private(set) var after = Sample()
    /// The most that an instance of the generation before was seen to need.
    private(set) var memoryBefore = 0
    private var slowMoments = SoakTally()

    mutating func addPast(_ figures: InstanceFigures, at now: Seconds) { past.add(figures, at: now) }
    mutating func addBefore(_ figures: InstanceFigures, at now: Seconds) { recent.add(figures, at: now) }
    mutating func weighBefore(_ bytes: Int) { memoryBefore = max(memoryBefore, bytes) }

    mutating func addAfter(_ figures: InstanceFigures, at now: Seconds, isWarm: Bool, _ bounds: SoakSpec) {
        var figures = figures
        // The first calls of a process are slow: caches, connections, compilers.
        if !isWarm { figures.latency = LatencyHistogram() }
        after.add(figures, at: now)
        guard let limit = latencyLimit(bounds) else { return }
        slowMoments.add(figures.latency.total, bad: figures.latency.count(above: limit), at: now.value)
    }

    /// - Parameter enough: so many recent calls need no older ones beside them.
    private func before(_ enough: Int) -> Sample {
        guard recent.calls.all < enough else { return recent }
        var all = past
        all.calls.add(recent.calls.all, bad: recent.calls.bad, at: 0)
        all.probes.add(recent.probes.all, bad: recent.probes.bad, at: 0)
        all.latency = past.latency + recent.latency
        return all
    }

    /// What p95 may be now; nil when too little is known of what it was.
    private func latencyLimit(_ bounds: SoakSpec) -> Seconds? {
        let before = before(bounds.minimumCalls).latency
        guard before.total >= bounds.minimumCalls else { return nil }
        // Where it may truly lie: so many calls tell it only so well.
        let doubt = (0.95 * 0.05 / Double(before.total)).squareRoot()
        let earlier = before.quantile(min(1, 0.95 + doubt))
        return max(Seconds(earlier.value * bounds.latencyFactor), Seconds(earlier.value + bounds.latencyFloor.value))
    }

    func fault(_ bounds: SoakSpec) -> String? {
        // How often calls fail needs many to be known; how long they take changes by the hour.
        let long = before(20 * bounds.minimumCalls)
        if let why = failures(after.calls, long.calls, "calls", minimum: bounds.minimumCalls, bounds) { return why }
        // What fails within an answer with status 200 the edge can't see, but the canary does.
        if let why = failures(after.probes, long.probes, "probes", minimum: 20, bounds) { return why }
        // More than one of twenty beyond the limit is a p95 beyond it.
        guard slowMoments.isSurely(above: 0.05, minimum: bounds.minimumCalls) else { return nil }
        let before = before(bounds.minimumCalls)
        return "p95 of \(grouped(after.latency.total)) calls \(words(after.latency.quantile(0.95))), "
            + "\(words(before.latency.quantile(0.95))) of \(grouped(before.latency.total)) before "
            + "(bound \(number(bounds.latencyFactor))x and \(words(bounds.latencyFloor)) more)"
    }

    private func failures(
        _ now: SoakTally, _ before: SoakTally, _ what: String, minimum: Int, _ bounds: SoakSpec
    ) -> String? {
        let earlier = before.all == 0 ? 0 : before.bound(deviations: 2)
        guard now.isSurely(above: bounds.errorRate + earlier, minimum: minimum) else { return nil }
        let past =
            before.all == 0 ? "none to compare with" : "\(percent(before.share)) of \(grouped(before.all)) before"
        return "\(percent(now.share)) of \(grouped(now.all)) \(what) failed, \(past) "
            + "(bound \(percent(bounds.errorRate)) more)"
    }

    private func percent(_ share: Double) -> String { number(share * 100) + "%" }

    private func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
    }

    private func words(_ time: Seconds) -> String {
        time < 1 ? "\(Int((time.value * 1000).rounded())) ms" : "\(number(time.value)) s"
    }

    /// 3000 as 3,000.
    private func grouped(_ count: Int) -> String {
        var digits = String(count)
        var place = digits.count - 3
        while place > 0 {
            digits.insert(",", at: digits.index(digits.startIndex, offsetBy: place))
            place -= 3
        }
        return digits
    }
}
