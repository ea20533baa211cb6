import Fleet
import Planning
import Ports

// Gate and nginx change one after the other; which goes first depends on where the traffic goes. Otherwise the gate
// names a group in which nginx has nobody left, or nobody yet: 503 while others could have served.
extension FleetSupervisor {
    /// New traffic leaves a colour of the generations that share it: the gate goes first.
    func turnAwayFirst() async throws {
        guard let before = earlierPolicy() else { return }
        let next = try gatePolicy(revision: before.revision)
        let leaves = next.pools.contains { pool in
            guard let known = before.pools.first(where: { $0.name == pool.name }), known.active == pool.active
            else { return false }
            return !known.receivers.isSubset(of: pool.receivers)
        }
        guard leaves else { return }
        try writePolicy()
        // Whether it takes it is asked again, and told, once nginx has its part.
        try? await confirmPolicy()
    }

    /// Has nginx read its configuration; returns once it goes by it where new traffic is to come to a colour.
    func reload(_ nginx: ProcessRecord) async throws {
        let before = earlierPolicy()
        let next = try gatePolicy(revision: before?.revision ?? 0)
        let comes = next.pools.contains { pool in
            let known = before?.pools.first { $0.name == pool.name }
            return !pool.receivers.isSubset(of: known?.receivers ?? [])
        }
        let isGentle = await closeConnections()
        let workers = comes || isGentle ? ports.edgeWorkers(nginx.pid) : []
        await ports.processes.signal(nginx, .hup, wholeGroup: false)
        guard !workers.isEmpty else { return }
        // nginx says nothing when it is ready: each configuration has workers of its own.
        let deadline = ports.time.now().value + 5
        while ports.time.now().value < deadline, ports.edgeWorkers(nginx.pid).isSubset(of: workers) {
            try await ports.time.sleep(0.01)
        }
        // The old ones are told to go 100 ms after the new ones are there, and take requests until then.
        if isGentle { try await ports.time.sleep(0.3) }
    }
}

// A reload closes the connections that wait for a request, and one that is on its way there is lost. So clients are
// asked to close theirs: those that call often have none by then.
extension FleetSupervisor {
    /// Whether they were asked: they are until the next policy is written.
    private func closeConnections() async -> Bool {
        guard urgentEdgeWork == 0, companions[.gate]?.record != nil else { return false }
        do {
            try writePolicy(closesConnections: true)
            try await confirmPolicy()
        } catch {
            // A gate that takes no policy is told of by whoever needs it to; the reload can't wait for it.
            ports.log("edge: connections were not closed before its reload: \(Self.words(error))")
            return false
        }
        let end = ports.time.now().value + settings.closing.value
        while urgentEdgeWork == 0, ports.time.now().value < end { try? await ports.time.sleep(0.05) }
        return true
    }
}

extension GatePolicy.Pool {
    /// Colours that new traffic goes to.
    fileprivate var receivers: Set<Colour> {
        let part = also?.part ?? 0
        return Set([part < 1 ? active : nil, part > 0 ? also?.colour : nil].compactMap(\.self))
    }
}
