import Foundation

/// Runs a call that blocks on a thread of its own: libmongoc can't be cancelled, and a blocked call
/// must not hold one of the few threads of Swift's pool. Calls are rare and bounded by timeouts.
func onOwnThread<Value: Sendable>(_ call: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try call() }) }
    }
}
