import Fleet

/// Compares a generation that has just taken over with the one before, pool by pool: calls and probes that fail,
/// how long calls take, memory that climbs, restarts. It says `worse` as soon as that is certain and not before:
/// a good release that is taken back is a fault, too.
package struct SoakJudge: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case healthy
        /// Nothing speaks against it, but too few calls came for it to mean much.
        case tooFewCalls
        /// In words, with the figures.
        case worse(String)
    }

    package let generation: Int
    package let current: Int?
    private let bounds: SoakSpec
    private let warmUp: Seconds
    private var servesSince: Seconds?
    private var seen: [String: InstanceFigures] = [:]
    private var pools: [String: PoolSoak] = [:]
    private var memories: [String: Climb] = [:]
    private var deaths: [String: Int] = [:]

    private struct Climb: Sendable, Equatable {
        var pool: String
        var start: Int
        var trend = MemoryTrend()
    }

    /// - Parameters:
    ///   - plan: of the new generation; its spec has the bounds.
    ///   - current: number of the generation before; nil when there is none to compare with.
    package init(plan: GenerationPlan, current: Int?) {
        generation = plan.number
        self.current = current
        bounds = plan.rollout.soak ?? SoakSpec()
        // A short bake is no reason to look at nothing.
        warmUp = min(3, Seconds(plan.rollout.bake.value / 4))
    }

    /// - Parameters:
    ///   - figures: of whichever generations; figures of others are passed over.
    ///   - serves: whether the new generation has traffic now.
    ///   - now: on any monotonic clock, always the same.
    package mutating func observe(_ figures: [InstanceFigures], serves: Bool, at now: Seconds) -> Verdict {
        if serves, servesSince == nil { servesSince = now }
        for one in figures {
            if one.generation == current { before(one, now) }
            if one.generation == generation { after(one, now) }
        }
        guard let servesSince else { return .tooFewCalls }
        if let why = fault(now.value - servesSince.value) { return .worse(why) }
        let isKnown = !pools.isEmpty && pools.values.allSatisfy { $0.after.calls.all >= bounds.minimumCalls }
        return isKnown ? .healthy : .tooFewCalls
    }

    private mutating func before(_ figures: InstanceFigures, _ now: Seconds) {
        let earlier = seen.updateValue(figures, forKey: figures.name)
        if let memory = figures.memory { pools[figures.pool, default: PoolSoak()].weighBefore(memory.bytes) }
        if let earlier {
            pools[figures.pool, default: PoolSoak()].addBefore(figures.since(earlier) ?? figures, at: now)
        } else {
            pools[figures.pool, default: PoolSoak()].addPast(figures, at: now)
        }
    }

    private mutating func after(_ figures: InstanceFigures, _ now: Seconds) {
        let earlier = seen.updateValue(figures, forKey: figures.name)
        weigh(figures, restarted: earlier.map { $0.restarts != figures.restarts } ?? false)
        // What was before the flip is probes, and a process that starts may fail them.
        guard let servesSince, let earlier else { return }
        deaths[figures.name, default: 0] += max(0, figures.restarts - earlier.restarts)
        pools[figures.pool, default: PoolSoak()].addAfter(
            figures.since(earlier) ?? figures, at: now, isWarm: now.value - servesSince.value >= warmUp.value, bounds)
    }

    private mutating func weigh(_ figures: InstanceFigures, restarted: Bool) {
        guard let memory = figures.memory else { return }
        if restarted { memories[figures.name] = nil }
        memories[figures.name, default: Climb(pool: figures.pool, start: memory.bytes)].trend.add(memory)
    }

    private func fault(_ time: Double) -> String? {
        for (name, count) in deaths.sorted(by: { $0.key < $1.key }) where count > bounds.restarts {
            return "\(name) started again \(count) times in \(Int(time.rounded())) s (bound \(bounds.restarts))"
        }
        for (name, pool) in pools.sorted(by: { $0.key < $1.key }) {
            if let why = pool.fault(bounds) { return pools.count == 1 ? why : "\(name): \(why)" }
        }
        for (name, memory) in memories.sorted(by: { $0.key < $1.key }) {
            if let why = climb(name, memory) { return why }
        }
        return nil
    }

    private func climb(_ name: String, _ memory: Climb) -> String? {
        guard let last = memory.trend.samples.last?.bytes, let climb = memory.trend.steadyClimb else { return nil }
        let before = pools[memory.pool]?.memoryBefore ?? 0
        let usual = max(before, memory.start)
        // Well above what it was: a process that fills its caches stops near what the one before had.
        guard climb > Double(bounds.memoryGrowth), last > usual + max(32_000_000, usual / 4) else { return nil }
        let past = before == 0 ? "" : ", \(megabytes(before)) MB in the generation before"
        return "resident memory of \(name) climbs \(megabytes(Int(climb))) MB/s: \(megabytes(last)) MB, "
            + "was \(megabytes(memory.start)) MB after start\(past) (bound \(megabytes(bounds.memoryGrowth)) MB/s)"
    }

    private func megabytes(_ bytes: Int) -> String {
        bytes < 10_000_000 ? "\(Double(bytes / 100_000) / 10)" : "\(bytes / 1_000_000)"
    }
}
