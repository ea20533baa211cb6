import Fleet
import Ports
import Synchronization

/// Blown, every call through it fails: what a killed process can't do any more. It can be set to
/// blow at the call of a given number.
final class Fuse: Sendable {
    struct Blown: Error {}

    private struct State {
        var calls = 0
        var isBlown = false
    }

    private let state = Mutex(State())
    /// Held through what a killed process has either done or not done.
    private let deed = Mutex(())
    private let blowAt: Int?

    init(blowAt: Int? = nil) { self.blowAt = blowAt }

    var calls: Int { state.withLock(\.calls) }
    var isBlown: Bool { state.withLock(\.isBlown) }
    func blow() { deed.withLock { _ in state.withLock { $0.isBlown = true } } }

    /// The deed is done before the fuse blows, or not at all.
    func whileWhole<Value>(_ body: () throws -> Value) throws -> Value {
        try deed.withLock { _ in
            try pass()
            return try body()
        }
    }

    func pass() throws {
        try state.withLock {
            if $0.isBlown { throw Blown() }
            $0.calls += 1
            guard $0.calls == blowAt else { return }
            $0.isBlown = true
            throw Blown()
        }
    }
}

/// A clock that stands still until a test turns it; whoever sleeps is woken by the turn.
final class FakeTime: Sendable {
    private struct Sleeper {
        var at: Double
        var wake: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = 1000.0
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())

    var now: Double { state.withLock(\.now) }

    /// Whoever is about to sleep again, on a busy machine, must not miss a deadline meanwhile: so time
    /// passes in steps no longer than this.
    private static let step = 0.25

    /// Turns to the next moment for which somebody waits, but not beyond `limit` nor far at once.
    func turn(limit: Double = .infinity) {
        let limit = min(limit, now + Self.step)
        let woken = state.withLock { state -> [Sleeper] in
            guard let next = state.sleepers.values.map(\.at).min(), next <= limit else {
                if limit.isFinite { state.now = max(state.now, limit) }
                return []
            }
            state.now = max(state.now, next)
            let due = state.sleepers.filter { $0.value.at <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.sorted { $0.key < $1.key }.map(\.value)
        }
        for sleeper in woken { sleeper.wake.resume() }
    }

    func sleep(_ time: Seconds) async throws {
        let id = state.withLock {
            $0.nextID += 1
            return $0.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { wake in
                let isCancelled = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return true }
                    state.sleepers[id] = Sleeper(at: state.now + max(0, time.value), wake: wake)
                    return false
                }
                if isCancelled { wake.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: id)
                if sleeper == nil { state.cancelled.insert(id) }
                return sleeper
            }
            sleeper?.wake.resume(throwing: CancellationError())
        }
    }
}

/// The clock as one process sees it: once that is killed it never wakes to act again.
struct FakeTimepiece: Timepiece {
    let time: FakeTime
    let fuse: Fuse

    func now() -> Seconds { Seconds(fuse.isBlown ? .infinity : time.now) }
    func wallClock() -> Double { 1_700_000_000 + time.now }
    func sleep(_ length: Seconds) async throws {
        if fuse.isBlown { throw CancellationError() }
        try await time.sleep(length)
        if fuse.isBlown { throw CancellationError() }
    }
}
