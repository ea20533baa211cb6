/// Decides how much of a pool's new traffic goes to the generation that shares it with the one that serves.
package struct TrafficJudge: Sendable, Equatable {
    /// 0...1; nil = in proportion to the fit instances of both.
    package let part: Double?

    package init(part: Double?) { self.part = part }

    /// - Parameters:
    ///   - sharing: instances of the pool that are in rotation, of the generation that shares.
    ///   - serving: the same of the generation that serves.
    /// - Returns: 0...1, for the generation that shares; the other one has the rest.
    package func part(sharing: Int, serving: Int) -> Double {
        guard sharing > 0, part != 0 else { return 0 }
        // Better there than nowhere.
        guard serving > 0 else { return 1 }
        return part ?? Double(sharing) / Double(sharing + serving)
    }
}
