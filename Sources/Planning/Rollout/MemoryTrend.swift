import Fleet

/// Whether the memory of one process climbs and does not stop. A fresh process warms up: it climbs, too, and then
/// ever less.
struct MemoryTrend: Sendable, Equatable {
    private(set) var samples: [InstanceFigures.Memory] = []
    private static let limit = 240

    mutating func add(_ sample: InstanceFigures.Memory) {
        if let last = samples.last, sample.at <= last.at { return }
        samples.append(sample)
        // However long it is watched: every other one of the older half goes.
        guard samples.count > Self.limit else { return }
        let older = samples.prefix(Self.limit / 2).enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        samples = older + samples.dropFirst(Self.limit / 2)
    }

    /// Bytes a second, when it climbs steadily: over 8 seconds at least, close to a line, and at the end not
    /// much slower than before.
    var steadyClimb: Double? {
        guard let first = samples.first, let last = samples.last else { return nil }
        let time = max(8, (last.at.value - first.at.value) / 2)
        let window = samples.filter { $0.at.value >= last.at.value - time }
        guard window.count >= 6, let start = window.first, last.at.value - start.at.value >= 0.9 * 8,
            let line = Line(window), line.fit >= 0.9, line.slope > 0,
            let end = Line(Array(window.suffix(max(3, window.count / 3)))), end.slope >= line.slope / 2
        else { return nil }
        return line.slope
    }

    /// The line that lies closest to the samples.
    private struct Line {
        let slope: Double
        /// How much of what the samples differ by it explains: 1 is all.
        let fit: Double

        init?(_ samples: [InstanceFigures.Memory]) {
            let count = Double(samples.count)
            let middle = samples.reduce(0) { $0 + $1.at.value } / count
            let mean = samples.reduce(0) { $0 + Double($1.bytes) } / count
            var (times, bytes, both) = (0.0, 0.0, 0.0)
            for sample in samples {
                let (x, y) = (sample.at.value - middle, Double(sample.bytes) - mean)
                times += x * x
                bytes += y * y
                both += x * y
            }
            guard times > 0 else { return nil }
            slope = both / times
            fit = bytes > 0 ? both * both / (times * bytes) : 1
        }
    }
}
