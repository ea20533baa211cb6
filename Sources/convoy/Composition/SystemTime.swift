import Dispatch
import Fleet
import Foundation
import Ports
import Synchronization

struct SystemTime: Timepiece {
    private static let start = ContinuousClock.now

    func now() -> Seconds { Seconds((ContinuousClock.now - Self.start) / .seconds(1)) }
    func wallClock() -> Double { Date().timeIntervalSince1970 }
    func sleep(_ time: Seconds) async throws { try await Task.sleep(for: time.duration) }
}

/// INT and TERM do not end a verb in the middle of a step: it is asked to stop and undoes what it
/// began. A second INT does.
final class Interrupts: Sendable {
    private let count = Mutex(0)
    /// Only kept alive; never touched again after `init`.
    nonisolated(unsafe) private let sources: [any DispatchSourceSignal]
    private let onFirst: (@Sendable () -> Void)?

    init(onFirst: (@Sendable () -> Void)? = nil) {
        self.onFirst = onFirst
        let queue = DispatchQueue(label: "convoy.signals")
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number, queue: queue)
        }
        for source in sources {
            source.setEventHandler { [weak self] in self?.arrived() }
            source.resume()
        }
    }

    var happened: Bool { count.withLock { $0 > 0 } }

    private func arrived() {
        let times = count.withLock { count in
            count += 1
            return count
        }
        if times > 1 { exit(130) }
        onFirst?()
    }
}
