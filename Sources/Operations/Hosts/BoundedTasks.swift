/// Works on many at once, but never on more than `width`.
enum BoundedTasks {
    /// The values afterwards, in their order.
    static func each<Value: Sendable>(
        _ all: [Value], width: Int, _ body: @escaping @Sendable (inout Value) async -> Void
    ) async -> [Value] {
        await withTaskGroup(of: (Int, Value).self) { group in
            var done = all
            var waiting = Array(all.enumerated())[...]
            func start() {
                guard let (index, one) = waiting.popFirst() else { return }
                group.addTask {
                    var one = one
                    await body(&one)
                    return (index, one)
                }
            }
            for _ in 0..<width { start() }
            for await (index, one) in group {
                done[index] = one
                start()
            }
            return done
        }
    }
}
