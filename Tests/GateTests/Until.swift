/// Waits for something that is bound to come, without taking the threads that it needs to come. Throws
/// when it did not in a minute: a test that waits for ever tells nobody what it waits for.
func until(_ condition: @Sendable () -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while !condition() {
        if ContinuousClock.now > deadline { throw NeverCame() }
        try await Task.sleep(for: .milliseconds(1))
    }
}

struct NeverCame: Error {}
