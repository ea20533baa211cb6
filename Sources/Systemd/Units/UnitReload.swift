/// Lets systemd read its unit files again, once for everybody who has written some: a reload that is under
/// way may have read them already or not, so those who come meanwhile share the next one.
actor UnitReload {
    private let act: @Sendable () async throws -> Void
    private var current: Task<Void, any Error>?
    private var next: Task<Void, any Error>?

    init(act: @escaping @Sendable () async throws -> Void) { self.act = act }

    func run() async throws {
        if let next { return try await next.value }
        let task = Task { [current] in
            _ = await current?.result
            try await begin()
        }
        next = task
        try await task.value
    }

    private func begin() async throws {
        current = next
        next = nil
        try await act()
    }
}
