/// One flood at a time: two would halve what each can ask.
actor FloodTurn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    /// Why this machine can't reach the limit, once it was tried.
    private var reason: Skip?

    func run<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
        if isTaken { await withCheckedContinuation { waiting.append($0) } }
        isTaken = true
        defer { if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() } }
        if let reason { throw reason }
        do { return try await body() } catch let skip as Skip {
            reason = skip
            throw skip
        }
    }
}
