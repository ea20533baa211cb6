import Fleet
import Planning
import Ports
import Synchronization

/// The lease that a verb works under, for as long as it runs. It says every few seconds that it lives; when it is
/// lost, every further change is refused.
package final class HeldLease: Sendable {
    package struct Rhythm: Sendable {
        package var lifetime: Seconds
        package var heartbeat: Seconds
        /// After a heartbeat that could not be written.
        package var again: Seconds

        package init(lifetime: Seconds = 15, heartbeat: Seconds = 5, again: Seconds = 1) {
            self.lifetime = lifetime
            self.heartbeat = heartbeat
            self.again = again
        }
    }

    private struct State {
        /// By our own clock, which goes on while we are stopped.
        var goodUntil: Double
        var lost: Failure?
        /// Why the last heartbeat could not be written.
        var trouble: Failure?
    }

    package let fence: Int
    private let store: any LeaseStore
    private let time: any Timepiece
    private let rhythm: Rhythm
    private let state: Mutex<State>

    private init(_ fence: Int, _ store: any LeaseStore, _ time: any Timepiece, _ rhythm: Rhythm, since: Seconds) {
        self.fence = fence
        self.store = store
        self.time = time
        self.rhythm = rhythm
        state = Mutex(State(goodUntil: since.value + rhythm.lifetime.value))
    }

    /// Takes the lease, runs `body` under it and gives it back, also when `body` throws. Throws `.leaseHeld` when
    /// somebody else has it, or got it meanwhile, whatever else went wrong because of that.
    package static func hold<Value>(
        _ holder: LeaseHolder, of store: any LeaseStore, time: any Timepiece, rhythm: Rhythm = Rhythm(),
        _ body: (HeldLease) async throws -> Value
    ) async throws -> Value {
        let asked = time.now()
        let lease = try await store.acquire(holder, lifetime: rhythm.lifetime)
        let held = HeldLease(lease.fence, store, time, rhythm, since: asked)
        let heartbeat = Task(priority: .high) { await held.beat() }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(held))
        } catch {
            result = .failure(await held.reason(of: error))
        }
        heartbeat.cancel()
        await heartbeat.value
        // If it can't be given back now, the end of this process does so. Not cancelled with the verb.
        await Task { try? await store.release(held.fence) }.value
        return try result.get()
    }

    /// Asked before each change; costs nothing. A process that was stopped and goes on finds here that it is late.
    package func check() throws {
        let now = time.now().value
        try state.withLock { state in
            if state.lost == nil, now >= state.goodUntil {
                state.lost = state.trouble ?? .leaseIsLost(because: "this process stood still for too long")
            }
            if let lost = state.lost { throw lost }
        }
    }

    package var isLost: Bool {
        do {
            try check()
            return false
        } catch {
            return true
        }
    }

    private func beat() async {
        var pause = rhythm.heartbeat
        while (try? await time.sleep(pause)) != nil, !Task.isCancelled {
            let asked = time.now().value
            do {
                try await store.renew(fence, lifetime: rhythm.lifetime)
                state.withLock {
                    $0.goodUntil = asked + rhythm.lifetime.value
                    $0.trouble = nil
                }
                pause = rhythm.heartbeat
            } catch let failure as Failure {
                let isLost = failure.code == .leaseHeld
                state.withLock { if isLost { $0.lost = failure } else { $0.trouble = failure } }
                if isLost { return }
                pause = rhythm.again
            } catch { pause = rhythm.again }
        }
    }

    /// Most of what fails after the loss fails because of it, in words that would mislead.
    private func reason(of error: any Error) async -> any Error {
        if let failure = error as? Failure, failure.code == .leaseHeld { return failure }
        do {
            try await store.renew(fence, lifetime: rhythm.lifetime)
        } catch let failure as Failure where failure.code == .leaseHeld {
            return failure
        } catch {}
        do { try check() } catch let loss { return loss }
        return error
    }
}
