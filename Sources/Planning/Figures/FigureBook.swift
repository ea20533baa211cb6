import Fleet

/// Counts what is seen of each instance. Nothing in it grows with traffic or time.
package struct FigureBook: Sendable, Equatable {
    private struct Entry: Sendable, Equatable {
        var requests = 0
        var errors = 0
        var unreachable = 0
        var latency = LatencyHistogram()
        var probes = 0
        var probeFailures = 0
        var memory: InstanceFigures.Memory?
    }

    private var entries: [String: Entry] = [:]

    package init() {}

    package mutating func count(_ attempt: EdgeAttempt, of name: String) {
        // The client went away: that says nothing of the instance.
        guard let status = attempt.status, status != 499 else { return }
        // A closed port is a process that is being started again, and restarts have a bound of their own.
        if status == 502, attempt.sent == 0 {
            entries[name, default: Entry()].unreachable += 1
            return
        }
        entries[name, default: Entry()].requests += 1
        if status >= 500 { entries[name, default: Entry()].errors += 1 }
        if 200..<300 ~= status, let time = attempt.time { entries[name, default: Entry()].latency.add(time) }
    }

    /// A call that was counted as answered already.
    package mutating func countCut(of name: String) { entries[name, default: Entry()].errors += 1 }

    package mutating func probed(_ name: String, _ finding: HealthMachine.Finding) {
        switch finding {
        case .passed: entries[name, default: Entry()].probes += 1
        case .failed, .lifeless:
            entries[name, default: Entry()].probes += 1
            entries[name, default: Entry()].probeFailures += 1
        case .busy: break
        }
    }

    package mutating func weighed(_ name: String, _ bytes: Int, at now: Seconds) {
        entries[name, default: Entry()].memory = InstanceFigures.Memory(bytes: bytes, at: now)
    }

    package mutating func forget(_ name: String) { entries[name] = nil }

    package func figures(of instance: InstancePlan, restarts: Int, isProved: Bool) -> InstanceFigures {
        let entry = entries[instance.name] ?? Entry()
        return InstanceFigures(
            name: instance.name, pool: instance.pool, generation: instance.generation, requests: entry.requests,
            errors: entry.errors, unreachable: entry.unreachable, latency: entry.latency, memory: entry.memory,
            restarts: restarts, probes: entry.probes, probeFailures: entry.probeFailures, isProved: isProved)
    }
}
