import Foundation
import Glibc
import Synchronization

/// Waits for everybody else before a fake clock is turned.
///
/// A clock that only yields runs ahead of a task that computes on another thread: a configuration that takes 10 ms
/// to render would last minutes of its time.
actor Stillness {
    static let shared = Stillness()

    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Returns once all threads of the pool had nothing else to do, several times in a row: jobs make jobs.
    nonisolated func come() async {
        await take()
        for _ in 0..<6 {
            Self.meet()
            await Task.yield()
        }
        await give()
    }

    /// Two who wait for each other's threads would wait for ever.
    private func take() async {
        guard isTaken else {
            isTaken = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func give() {
        if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
    }

    private final class Meeting: Sendable {
        private let state = Mutex((arrived: 0, isOver: false))

        var arrived: Int { state.withLock(\.arrived) }
        var isOver: Bool { state.withLock(\.isOver) }
        func arrive() { state.withLock { $0.arrived += 1 } }
        func end() { state.withLock { $0.isOver = true } }
    }

    /// Holds every thread of the pool at once, for a moment: then nobody else is at work.
    private static func meet() {
        let others = ProcessInfo.processInfo.activeProcessorCount - 1
        let meeting = Meeting()
        for _ in 0..<others {
            Task.detached(priority: Task.currentPriority) {
                meeting.arrive()
                while !meeting.isOver { sched_yield() }
            }
        }
        // Not for ever, should the pool have fewer threads than this machine has processors.
        let deadline = ContinuousClock.now + .milliseconds(200)
        while meeting.arrived < others, ContinuousClock.now < deadline { sched_yield() }
        meeting.end()
    }
}
