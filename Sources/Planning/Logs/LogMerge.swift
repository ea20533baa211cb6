import Fleet

/// Makes one stream by time of what several hosts tell page by page. Holds a page of each host at most, and as many
/// of the last lines as were asked for. Times are the hosts' own.
///
/// First what was written until the question, in exact order: nothing is shown before every host that answers has
/// told its next line. Then, following, what comes within `hold` is put in order; who comes later is shown later.
package struct LogMerge: Sendable {
    package enum Event: Sendable, Equatable {
        case page(String, LogPage)
        case lost(String, why: String)
        case tick
    }

    package enum Action: Sendable, Equatable {
        case show([LogEntry])
        /// The next page of this host.
        case ask(String)
        /// After a while, anew: what is not older than `since`; nil = as it was asked first.
        case askAgain(String, since: Double?)
        /// It has said nothing since then, by the operator's clock.
        case miss(String, since: Double, why: String)
        /// It answers again.
        case greet(String)
        case finish
    }

    struct Source {
        var queue: ArraySlice<LogEntry> = []
        /// Its clock may be set back: its own order is kept.
        var latest = -Double.infinity
        var isAsked = true
        var isWhole = false
        var isLost = false
        var heardAt: Double
        /// The time of the first line that it told: of what was before, nobody wanted to hear.
        var first: Double?
        /// The latest time that it has told of, by its own clock; nil before its first line.
        var told: Double?
        /// All its lines since `slack` before that: it has several writers, of which some (nginx) tell a line late.
        var recent: [LogEntry] = []
        /// Of these, what it will tell again after it was lost.
        var repeated: [LogEntry] = []

        private static let slack: Double = 2
        /// A line that is older by more tells that the clock was set back.
        private static let leap: Double = 30

        var isBlocking: Bool { queue.isEmpty && !isLost && !isWhole }
        /// From where it has to tell again after it was lost; nil = all that it was asked first.
        var resumesAt: Double? { told.map { max($0 - Self.slack, first ?? $0) } }

        /// Without what was heard before.
        mutating func take(_ entries: [LogEntry]) -> [LogEntry] {
            let fresh = entries.filter { entry in
                guard let place = repeated.firstIndex(of: entry) else { return true }
                repeated.remove(at: place)
                return false
            }
            for entry in fresh {
                if let told, entry.time < told - Self.leap { (first, self.told, recent) = (nil, nil, []) }
                first = first ?? entry.time
                told = max(told ?? entry.time, entry.time)
                recent.append(entry)
            }
            if let resumesAt { recent.removeAll { $0.time < resumesAt } }
            return fresh
        }
    }

    private let hosts: [String]
    private let last: Int?
    private let follows: Bool
    private let hold: Double
    private var sources: [String: Source]
    /// While only the last lines are wanted.
    private var tail: [LogEntry] = []
    private var waiting: [(arrived: Double, time: Double, entry: LogEntry)] = []
    private var isLive = false
    private var isOver = false
    /// Names that some host has logs of.
    package private(set) var known: Set<String> = []

    /// - Parameters:
    ///   - now: seconds since 1970, by the operator's clock; every host has been asked then.
    ///   - hold: seconds.
    package init(hosts: [String], last: Int?, follows: Bool, at now: Double, hold: Double = 0.5) {
        self.hosts = hosts
        self.last = last
        self.follows = follows
        self.hold = hold
        sources = Dictionary(hosts.map { ($0, Source(heardAt: now)) }) { first, _ in first }
    }

    /// Hosts that do not answer now.
    package var missing: [String] { hosts.filter { sources[$0]?.isLost == true } }

    package mutating func handle(_ event: Event, at now: Double) -> [Action] {
        guard !isOver else { return [] }
        switch event {
        case .page(let host, let page): return heard(host, page, now)
        case .lost(let host, let why): return lost(host, why)
        case .tick: return flush(now)
        }
    }

    private mutating func heard(_ host: String, _ page: LogPage, _ now: Double) -> [Action] {
        guard var source = sources[host] else { return [] }
        let greeting: [Action] = source.isLost ? [.greet(host)] : []
        source.isLost = false
        source.isAsked = false
        source.heardAt = now
        known.formUnion(page.known)
        let entries = source.take(page.entries)
        guard isLive else {
            source.queue += entries
            source.isWhole = source.isWhole || page.isWhole
            sources[host] = source
            return greeting + merge()
        }
        for entry in entries {
            source.latest = max(source.latest, entry.time)
            waiting.append((now, source.latest, entry))
        }
        sources[host] = source
        return greeting + ask()
    }

    private mutating func lost(_ host: String, _ why: String) -> [Action] {
        guard var source = sources[host] else { return [] }
        var actions: [Action] = source.isLost ? [] : [.miss(host, since: source.heardAt, why: why)]
        source.isLost = true
        source.isAsked = true
        source.repeated = source.recent
        sources[host] = source
        if follows { actions.append(.askAgain(host, since: source.resumesAt)) }
        return isLive ? actions : actions + merge()
    }

    // MARK: What was written until the question

    private mutating func merge() -> [Action] {
        var shown: [LogEntry] = []
        while !sources.values.contains(where: \.isBlocking), let host = earliest(), var source = sources[host],
            let entry = source.queue.popFirst()
        {
            source.latest = max(source.latest, entry.time)
            sources[host] = source
            shown.append(entry)
        }
        if let last {
            tail += shown
            tail.removeFirst(max(0, tail.count - last))
            shown = []
        }
        guard sources.values.allSatisfy({ $0.queue.isEmpty && ($0.isLost || $0.isWhole) }) else {
            return Self.show(shown) + ask()
        }
        let all = Self.show(shown + tail)
        tail = []
        isLive = follows
        isOver = !follows
        return all + (follows ? ask() : [.finish])
    }

    private func earliest() -> String? {
        var best: (host: String, time: Double)?
        for host in hosts {
            guard let source = sources[host], let entry = source.queue.first else { continue }
            let time = max(source.latest, entry.time)
            if best.map({ time < $0.time }) ?? true { best = (host, time) }
        }
        return best?.host
    }

    private mutating func ask() -> [Action] {
        hosts.filter { host in
            guard let source = sources[host], !source.isAsked, isLive || source.isBlocking else { return false }
            sources[host]?.isAsked = true
            return true
        }.map { .ask($0) }
    }

    // MARK: What comes later

    private mutating func flush(_ now: Double) -> [Action] {
        let due = waiting.filter { $0.arrived <= now - hold }
        guard let until = due.map(\.time).max() else { return [] }
        let ripe = waiting.enumerated().filter { $0.element.time <= until }
        waiting.removeAll { $0.time <= until }
        let sorted = ripe.sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        return Self.show(sorted.map(\.element.entry))
    }

    private static func show(_ entries: [LogEntry]) -> [Action] { entries.isEmpty ? [] : [.show(entries)] }
}
