import Dispatch
import Foundation

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
        for _ in 0..<3 {
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

    /// Holds every thread of the pool at once, for a moment: then nobody else is at work.
    private static func meet() {
        let others = ProcessInfo.processInfo.activeProcessorCount - 1
        let (arrived, isOver) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        for _ in 0..<others {
            Task.detached(priority: Task.currentPriority) {
                arrived.signal()
                wait(isOver)
            }
        }
        // Not for ever, should the pool have fewer threads than this machine has processors.
        let deadline = DispatchTime.now() + 0.2
        for _ in 0..<others where arrived.wait(timeout: deadline) == .timedOut { break }
        for _ in 0..<others { isOver.signal() }
    }

    /// Blocking is the point here: it is what keeps the thread.
    private static func wait(_ semaphore: DispatchSemaphore) { semaphore.wait() }
}
