/// How much of a pool's new traffic a generation gets.
package struct TrafficShare: Sendable, Equatable, Codable {
    package var pool: String
    package var generation: Int
    /// 0...1
    package var part: Double

    package init(pool: String, generation: Int, part: Double) {
        self.pool = pool
        self.generation = generation
        self.part = part
    }
}
