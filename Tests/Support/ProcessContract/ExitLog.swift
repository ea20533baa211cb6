import Ports

/// What went against the contract.
package struct ContractBreach: Error, CustomStringConvertible {
    package var description: String
}

func keep(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw ContractBreach(description: what()) }
}

/// The exits of one backend, awaited one by one.
actor ExitLog {
    private var exits: [ProcessExit] = []
    private var waiters: [(id: Int, CheckedContinuation<Void, Never>)] = []
    private var lastWaiter = 0
    private var reading: Task<Void, Never>?

    func read(_ backend: any ProcessBackend) {
        reading = Task { for await exit in backend.exits { hear(exit) } }
    }

    func stop() { reading?.cancel() }

    /// The next exit, whichever it is.
    func next(_ what: String) async throws -> ProcessExit {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(30)
        while exits.isEmpty {
            try keep(clock.now < end, "no exit within 30 s: \(what)")
            await change(until: end)
        }
        return exits.removeFirst()
    }

    var isEmpty: Bool { exits.isEmpty }

    private func hear(_ exit: ProcessExit) {
        exits.append(exit)
        waiters.forEach { $0.1.resume() }
        waiters = []
    }

    private func change(until end: ContinuousClock.Instant) async {
        lastWaiter += 1
        let id = lastWaiter
        let timer = Task {
            try? await Task.sleep(until: end, clock: .continuous)
            giveUp(id)
        }
        await withCheckedContinuation { waiters.append((id, $0)) }
        timer.cancel()
    }

    private func giveUp(_ id: Int) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        waiters.remove(at: index).1.resume()
    }
}
