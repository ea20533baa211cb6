import CSystemd
import Fleet
import Glibc
import Planning
import Synchronization

/// The thread behind `SystemdBus`: the only one that touches the connection.
final class BusThread: Sendable {
    typealias Answer = Result<BusReply, BusFault>

    private struct Call {
        var request: BusRequest
        var timeout: Seconds
        /// How long its job may take, when the answer is the job's result.
        var job: Seconds?
        var waiter: CheckedContinuation<Answer, Never>
    }

    private struct State {
        var lastNumber: UInt64 = 0
        var unsent: [UInt64] = []
        var calls: [UInt64: Call] = [:]
        /// By the job's object path.
        var jobs: [String: UInt64] = [:]
        var isConnected = false
        var isStopped = false
    }

    private let state = Mutex(State())
    private let address: String?
    private let hear: @Sendable (SystemdBus.Event) -> Void
    private let wake: Int32

    init(address: String?, hear: @escaping @Sendable (SystemdBus.Event) -> Void) {
        self.address = address
        self.hear = hear
        wake = convoy_wakeup_make()
    }

    deinit { if wake >= 0 { close(wake) } }

    func begin() throws {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let error = wake < 0 ? -wake : pthread_create(&thread, nil, { runBus($0) }, context.toOpaque())
        guard error == 0 else {
            context.release()
            throw Failure(
                .unavailable, "cannot watch systemd", because: String(cString: strerror(error)),
                next: "the machine is short of threads or descriptors (ulimit -u, -n)")
        }
        pthread_detach(thread)
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        convoy_wakeup(wake)
    }

    func ask(_ request: BusRequest, timeout: Seconds, job: Seconds?) async -> Answer {
        await withCheckedContinuation { waiter in
            let isTaken = state.withLock { state in
                guard state.isConnected, !state.isStopped else { return false }
                state.lastNumber += 1
                state.unsent.append(state.lastNumber)
                state.calls[state.lastNumber] = Call(request: request, timeout: timeout, job: job, waiter: waiter)
                return true
            }
            guard isTaken else { return waiter.resume(returning: .failure(.lost("no connection to the system bus"))) }
            convoy_wakeup(wake)
        }
    }

    // MARK: On the thread

    fileprivate func run() {
        var pause: Int32 = 20
        while !isStopped {
            var ears = ears
            var bus: OpaquePointer?
            guard convoy_bus_open(address, &ears, &bus) == 0, let bus else {
                convoy_wakeup_wait(wake, pause)
                pause = min(pause * 2, 1_000)
                continue
            }
            pause = 20
            state.withLock { $0.isConnected = true }
            hear(.restored)
            serve(bus)
            abandon("the connection to the system bus was lost")
            convoy_bus_close(bus)
        }
    }

    private func serve(_ bus: OpaquePointer) {
        while true {
            for (number, call) in takeUnsent() {
                let result = call.request.send(over: bus, number: number, timeout: call.timeout)
                if result < 0 { finish(number, .failure(.lost(String(cString: strerror(-result))))) }
            }
            let result = convoy_bus_run(bus, wake)
            if result < 0 || isStopped { return }
            if result == 0 { convoy_wakeup_clear(wake) }
        }
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func takeUnsent() -> [(UInt64, Call)] {
        state.withLock { state in
            defer { state.unsent = [] }
            return state.unsent.compactMap { number in state.calls[number].map { (number, $0) } }
        }
    }

    private func finish(_ number: UInt64, _ answer: Answer) {
        state.withLock { $0.calls.removeValue(forKey: number) }?.waiter.resume(returning: answer)
    }

    private func abandon(_ why: String) {
        let calls = state.withLock { state in
            defer {
                state.calls = [:]
                state.jobs = [:]
                state.unsent = []
                state.isConnected = false
            }
            return Array(state.calls.values)
        }
        for call in calls { call.waiter.resume(returning: .failure(.lost(why))) }
    }

    fileprivate func answered(_ number: UInt64, _ answer: Answer) {
        let call = state.withLock { $0.calls[number] }
        guard case .success(let reply) = answer, let call else { return finish(number, answer) }
        // Before anything that systemd says after this: what is found and what is told keep their order.
        if case .look(let unit, _) = call.request { hear(.found(unit, reply.facts)) }
        guard let limit = call.job else { return finish(number, answer) }
        state.withLock { $0.jobs[reply.path] = number }
        Task { [weak self] in
            try? await Task.sleep(for: limit.duration)
            self?.jobEnded(reply.path, "timeout", of: number)
        }
    }

    /// number: nil for whichever call made the job.
    fileprivate func jobEnded(_ job: String, _ result: String, of number: UInt64? = nil) {
        let waiting = state.withLock { state -> UInt64? in
            guard let known = state.jobs[job], number == nil || number == known else { return nil }
            state.jobs[job] = nil
            return known
        }
        if let waiting { finish(waiting, .success(BusReply(path: result, facts: UnitFacts()))) }
    }

    fileprivate func told(_ path: String, _ facts: convoy_unit_facts) { hear(.told(path: path, UnitFacts(facts))) }

    /// Jobs outlive systemd's exec of itself, but their end may not have been told.
    fileprivate func returned() {
        let numbers = state.withLock { state in
            defer { state.jobs = [:] }
            return Array(state.jobs.values)
        }
        for number in numbers { finish(number, .failure(.lost("systemd was executed anew"))) }
        hear(.restored)
    }

    private var ears: convoy_bus_ears {
        // Not retained: the thread that hears holds this object.
        let context = Unmanaged.passUnretained(self).toOpaque()
        return convoy_bus_ears(
            context: context, answered: hearAnswer, changed: hearChange, job_removed: hearJob,
            returned: { BusThread.of($0)?.returned() })
    }

    fileprivate static func of(_ context: UnsafeMutableRawPointer?) -> BusThread? {
        context.map { Unmanaged<BusThread>.fromOpaque($0).takeUnretainedValue() }
    }
}

private func runBus(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context { Unmanaged<BusThread>.fromOpaque(context).takeRetainedValue().run() }
    return nil
}

private typealias Text = UnsafePointer<CChar>?
private typealias Context = UnsafeMutableRawPointer?

private func hearAnswer(
    _ context: Context, _ number: UInt64, _ name: Text, _ text: Text, _ path: Text,
    _ facts: UnsafePointer<convoy_unit_facts>?
) {
    guard let name, let text, let path, let facts else { return }
    let failed = name.pointee != 0
    let answer: BusThread.Answer =
        failed
        ? .failure(BusFault(name: String(cString: name), text: String(cString: text)))
        : .success(BusReply(path: String(cString: path), facts: UnitFacts(facts.pointee)))
    BusThread.of(context)?.answered(number, answer)
}

private func hearChange(_ context: Context, _ path: Text, _ facts: UnsafePointer<convoy_unit_facts>?) {
    // Others' services come and go all the time.
    guard let path, let facts, strncmp(path, ownUnits, strlen(ownUnits)) == 0 else { return }
    BusThread.of(context)?.told(String(cString: path), facts.pointee)
}

private func hearJob(_ context: Context, _ job: Text, _ unit: Text, _ result: Text) {
    guard let job, let result else { return }
    BusThread.of(context)?.jobEnded(String(cString: job), String(cString: result))
}

/// `convoy-`, as the bus writes it.
private let ownUnits = "/org/freedesktop/systemd1/unit/convoy_2d"
