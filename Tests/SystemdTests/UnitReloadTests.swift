import Synchronization
import Testing

@testable import Systemd

@Suite("Reading unit files again")
struct UnitReloadTests {
    /// Reloads that end when they are told to.
    private final class Slow: Sendable {
        private let waiting = Mutex<[CheckedContinuation<Void, Never>]>([])
        private let begun: AsyncStream<Void>
        private let tell: AsyncStream<Void>.Continuation

        init() { (begun, tell) = AsyncStream.makeStream() }

        func act() async {
            await withCheckedContinuation { continuation in
                waiting.withLock { $0.append(continuation) }
                tell.yield()
            }
        }
        func untilBegun() async { for await _ in begun { return } }
        func end() { waiting.withLock { $0.isEmpty ? nil : $0.removeFirst() }?.resume() }
        var underWay: Int { waiting.withLock(\.count) }
    }

    @Test("those who come while one is under way share the next, which begins after it")
    func shared() async throws {
        let slow = Slow()
        let count = Mutex(0)
        let reload = UnitReload {
            count.withLock { $0 += 1 }
            await slow.act()
        }
        let first = Task { try await reload.run() }
        await slow.untilBegun()
        let others = (0..<10).map { _ in Task { try await reload.run() } }
        // Each had its turn before the first is over.
        for _ in 0..<200 { await Task.yield() }
        #expect(slow.underWay == 1)
        slow.end()
        try await first.value
        await slow.untilBegun()
        slow.end()
        for other in others { try await other.value }
        #expect(count.withLock(\.self) <= 3)
    }

    @Test("a failure is its own callers', not the next ones'")
    func failure() async throws {
        struct Broken: Error {}
        let fails = Mutex(true)
        let reload = UnitReload {
            let now = fails.withLock { fails in
                defer { fails = false }
                return fails
            }
            if now { throw Broken() }
        }
        await #expect(throws: Broken.self) { try await reload.run() }
        try await reload.run()
    }
}
