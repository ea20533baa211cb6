import Planning
import Ports
import Synchronization

/// A machine whose clock a test turns by hand, and whose processes it ends.
package final class HandWitness: LeaseWitness {
    private struct State {
        var boot = 1
        var seconds: Double
        var gone: Set<Int32> = []
        /// Of another machine: goes on through restarts of this one.
        var elsewhere = 1_000_000.0
    }

    private let state: Mutex<State>
    private let clock: (@Sendable () -> Double)?

    /// - Parameter clock: another clock that counts instead of its own.
    package init(seconds: Double = 1000, clock: (@Sendable () -> Double)? = nil) {
        state = Mutex(State(seconds: seconds))
        self.clock = clock
    }

    package func now() -> LeaseMoment {
        state.withLock { LeaseMoment(boot: "boot-\($0.boot)", seconds: clock?() ?? $0.seconds) }
    }

    package func isGone(_ holder: LeaseHolder) -> Bool { state.withLock { $0.gone.contains(holder.pid) } }

    package func pass(_ seconds: Double) {
        state.withLock {
            $0.seconds += seconds
            $0.elsewhere += seconds
        }
    }
    /// A clock of another machine.
    package func elsewhere() -> Double { state.withLock(\.elsewhere) }
    package func kill(_ pid: Int32) { state.withLock { _ = $0.gone.insert(pid) } }
    /// The machine was started anew: its clock begins again.
    package func restart() {
        state.withLock {
            $0.boot += 1
            $0.seconds = 5
            $0.elsewhere += 60
        }
    }
}

extension LeaseHolder {
    package static func sample(_ pid: Int32, verb: String = "rollout") -> LeaseHolder {
        LeaseHolder(name: "op\(pid)@web-1", host: "web-1", pid: pid, verb: verb)
    }
}
