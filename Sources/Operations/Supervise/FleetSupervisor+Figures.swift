import Fleet
import Planning
import Ports

// Figures of what instances do: from the edge's logs, from probes, from the machine.
extension FleetSupervisor {
    /// While somebody asks, as a rollout does. nginx writes its log once a second.
    private static var watchedPause: Seconds { 0.25 }
    private static var idlePause: Seconds { 2 }
    private static var memoryPause: Seconds { 1 }
    /// How long somebody who asked counts as watching.
    private static var attention: Seconds { 5 }

    /// Runs until it is cancelled.
    func keepFigures() async {
        guard let meter = ports.meter else { return }
        var weighedAt = -Double.infinity
        while true {
            // Off the actor: reading must not keep it from its turns.
            let (calls, cuts) = await Task.detached {
                (meter.accessLines().flatMap(EdgeAttempt.parse), meter.faultLines().compactMap(EdgeAttempt.cut))
            }.value
            count(calls, cuts)
            let isWatched = isWatched
            let now = ports.time.now().value
            if now - weighedAt >= (isWatched ? Self.memoryPause.value : 10 * Self.memoryPause.value) {
                weighedAt = now
                await weigh(meter)
            }
            guard (try? await ports.time.sleep(isWatched ? Self.watchedPause : Self.idlePause)) != nil else { return }
        }
    }

    private var isWatched: Bool { ports.time.now().value - figuresAskedAt < Self.attention.value }

    private func count(_ calls: [EdgeAttempt], _ cuts: [Int]) {
        guard !calls.isEmpty || !cuts.isEmpty else { return }
        // A port belongs to one generation at a time: its slot's, in its colour.
        let owners = Dictionary(
            plans.values.flatMap(\.instances).map { ($0.port, $0.name) }, uniquingKeysWith: { first, _ in first })
        for call in calls { if let name = owners[call.port] { figureBook.count(call, of: name) } }
        for port in cuts { if let name = owners[port] { figureBook.countCut(of: name) } }
    }

    private func weigh(_ meter: any InstanceMeter) async {
        let records = runners.values.compactMap(\.record)
        let found = await Task.detached { meter.residentBytes(of: records) }.value
        let now = ports.time.now()
        for record in records where runners[record.id]?.record == record {
            if let bytes = found[record.id] { figureBook.weighed(record.id, bytes, at: now) }
        }
    }

    func figures() -> [InstanceFigures] {
        figuresAskedAt = ports.time.now().value
        return plans.values.sorted { $0.number < $1.number }.flatMap(\.instances).compactMap { instance in
            guard let machine = runners[instance.name]?.machine else { return nil }
            return figureBook.figures(
                of: instance, restarts: machine.restarts, isProved: machine.verdict.isProved)
        }
    }
}
