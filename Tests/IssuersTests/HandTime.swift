import Fleet
import Ports
import Synchronization

/// Time that a test turns by hand.
final class HandTime: Timepiece {
    private struct Sleeper: Sendable {
        var id: Int
        var until: Double
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State: Sendable {
        var now = 1000.0
        var nextID = 0
        var cancelled: Set<Int> = []
        var sleepers: [Sleeper] = []
        var waiting: [(pause: Double, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    func now() -> Seconds { Seconds(state.withLock(\.now)) }
    func wallClock() -> Double { 1_700_000_000 + state.withLock(\.now) }

    func sleep(_ time: Seconds) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let (isCancelled, released) = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return (true, [CheckedContinuation<Void, Never>]()) }
                    state.sleepers.append(
                        Sleeper(id: id, until: state.now + time.value, continuation: continuation))
                    let due = state.waiting.filter { abs($0.pause - time.value) < 0.01 }.map(\.continuation)
                    state.waiting.removeAll { abs($0.pause - time.value) < 0.01 }
                    return (false, due)
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
                for waiting in released { waiting.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Returns once somebody sleeps for `pause` more seconds.
    func untilSleeping(for pause: Double) async {
        await withCheckedContinuation { continuation in
            let isSleeping = state.withLock { state in
                let found = state.sleepers.contains { abs($0.until - state.now - pause) < 0.01 }
                if !found { state.waiting.append((pause, continuation)) }
                return found
            }
            if isSleeping { continuation.resume() }
        }
    }

    func advance(_ seconds: Double) {
        let due = state.withLock { state in
            state.now += seconds
            let due = state.sleepers.filter { $0.until <= state.now }
            state.sleepers.removeAll { $0.until <= state.now }
            return due
        }
        for sleeper in due { sleeper.continuation.resume() }
    }
}

/// What was logged; a test can wait for a line.
final class Journal: Sendable {
    private struct State: Sendable {
        var lines: [String] = []
        var waiting: [(text: String, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var text: String { state.withLock { $0.lines.joined(separator: "\n") } }

    func count(_ text: String) -> Int { state.withLock { $0.lines.count { $0.contains(text) } } }

    func write(_ line: String) {
        let due = state.withLock { state in
            state.lines.append(line)
            let due = state.waiting.filter { line.contains($0.text) }.map(\.continuation)
            state.waiting.removeAll { line.contains($0.text) }
            return due
        }
        for waiting in due { waiting.resume() }
    }

    func until(_ text: String) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                let found = state.lines.contains { $0.contains(text) }
                if !found { state.waiting.append((text, continuation)) }
                return found
            }
            if isThere { continuation.resume() }
        }
    }
}
