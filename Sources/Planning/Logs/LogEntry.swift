import Fleet

/// A line of a log, wherever it was kept.
package struct LogEntry: Sendable, Equatable, Codable {
    /// Seconds since 1970.
    package var time: Double
    /// Where it was written; nil on the machine that was asked itself.
    package var host: String?
    /// An instance's name, or that of a log of Convoy's own: `gate`, `edge-access`.
    package var source: String
    package var pool: String?
    package var generation: Int?
    /// 0 (emergency) ... 7 (debug); nil where nobody noted it.
    package var priority: Int?
    /// As it was printed: redact before showing.
    package var message: String

    package init(
        time: Double, host: String? = nil, source: String, pool: String? = nil, generation: Int? = nil,
        priority: Int? = nil, message: String
    ) {
        self.time = time
        self.host = host
        self.source = source
        self.pool = pool
        self.generation = generation
        self.priority = priority
        self.message = message
    }

    /// Lines of one file, in its order, each with its own time, else with that of the line before it (what goes
    /// on over several lines), else with the next one's, else with `otherwise`.
    package static func dated(
        _ lines: [String], source: String, otherwise: Double, localOffset: LogTime.LocalOffset
    ) -> [LogEntry] {
        let times = lines.map { LogTime.of($0, localOffset: localOffset) }
        var time = times.lazy.compactMap(\.self).first ?? otherwise
        let name = LogName(source)
        return zip(lines, times).map { line, own in
            time = own ?? time
            return LogEntry(
                time: time, source: source, pool: name.pool, generation: name.generation, message: line)
        }
    }

    /// By time; each source's own order is kept, even where a clock was set back.
    /// - Parameter last: so many of the last ones at most.
    package static func merged(_ sources: [[LogEntry]], last: Int? = nil) -> [LogEntry] {
        var keyed: [(time: Double, place: Int, entry: LogEntry)] = []
        for entries in sources {
            var latest = -Double.infinity
            for entry in entries {
                latest = max(latest, entry.time)
                keyed.append((latest, keyed.count, entry))
            }
        }
        let sorted = keyed.sorted { ($0.time, $0.place) < ($1.time, $1.place) }.map(\.entry)
        return last.map { Array(sorted.suffix(max(0, $0))) } ?? sorted
    }
}

/// The name of a log: an instance's (`POOL-SLOT-gGENERATION`), or of Convoy's own.
package struct LogName: Sendable, Equatable {
    package let text: String
    package private(set) var pool: String?
    package private(set) var generation: Int?

    package init(_ text: String) {
        self.text = text
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, let last = parts.last, last.first == "g", let number = Int(last.dropFirst()),
            Int(parts[parts.count - 2]) != nil
        else { return }
        pool = parts.dropLast(2).joined(separator: "-")
        generation = number
    }

    /// Those that nginx writes itself, on either backend.
    package static let edgeFiles: Set<String> = ["edge-access", "edge-error"]
}

/// Which logs are wanted: by the names of pools, instances and daemons. None: all.
package struct LogSelection: Sendable, Equatable {
    package let names: [String]

    package init(_ names: [String]) { self.names = names }

    package func includes(_ log: String) -> Bool { names.isEmpty || names.contains { Self.means($0, log) } }

    private static func means(_ name: String, _ log: String) -> Bool {
        name == log || name == LogName(log).pool || (name == "edge" && LogName.edgeFiles.contains(log))
    }

    /// Names that mean none of these.
    package func unknown(among logs: [String]) -> [String] {
        names.filter { name in !logs.contains { Self.means(name, $0) } }
    }
}
