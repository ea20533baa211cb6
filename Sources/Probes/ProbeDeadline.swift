import Fleet
import Planning
import Ports

/// Runs the whole of a probe within one time limit, however many requests it takes.
func within<Value: Sendable>(
    _ limit: Seconds, _ probe: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await probe() }
        group.addTask {
            try await Task.sleep(for: limit.duration)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else {
            throw ProbeFault("no answer within \(limit.spelled)")
        }
        return value
    }
}
