/// Works on many at once, but never on more than `width`.
enum BoundedTasks {
    /// What came of one. A type with a name: an optimised group of tuples has been seen to copy what it was not given.
    private struct Outcome<Value: Sendable>: Sendable {
        let index: Int
        let value: Value
    }

    /// What `body` makes of each, in their order.
    static func map<Item: Sendable, Value: Sendable>(
        _ all: [Item], width: Int, _ body: @escaping @Sendable (Item) async -> Value
    ) async -> [Value] {
        await withTaskGroup(of: Outcome<Value>.self) { group in
            var begun = 0
            var values = [Value?](repeating: nil, count: all.count)
            while begun < min(width, all.count) {
                start(begun)
                begun += 1
            }
            while let outcome = await group.next() {
                values[outcome.index] = outcome.value
                if begun < all.count {
                    start(begun)
                    begun += 1
                }
            }
            return values.compactMap(\.self)

            func start(_ index: Int) {
                let item = all[index]
                group.addTask { Outcome(index: index, value: await body(item)) }
            }
        }
    }

    /// The values afterwards, in their order.
    static func each<Value: Sendable>(
        _ all: [Value], width: Int, _ body: @escaping @Sendable (inout Value) async -> Void
    ) async -> [Value] {
        await map(all, width: width) { item in
            var one = item
            await body(&one)
            return one
        }
    }
}
