import Fleet
import Planning
import Ports

/// Shows the logs of several hosts as one stream by time. Of each host there is one question under way at most, so
/// that nobody who is slow is flooded.
package struct FleetLogs: Sendable {
    package struct Voice: Sendable {
        /// False when nobody reads any more.
        package var show: @Sendable ([LogEntry]) async throws -> Bool
        /// For people, beside the logs.
        package var say: @Sendable (String) -> Void

        package init(
            show: @escaping @Sendable ([LogEntry]) async throws -> Bool, say: @escaping @Sendable (String) -> Void
        ) {
            self.show = show
            self.say = say
        }
    }

    package struct Outcome: Sendable, Equatable {
        /// Hosts that did not answer in the end.
        package var missing: [String]
        /// Names that there are logs of.
        package var known: Set<String>
    }

    /// How long a host may take for a page: it owes one, if an empty one, within a second.
    private static let patience: Seconds = 12
    /// Until a host that was lost is asked again.
    private static let pause: Seconds = 3
    private static let pace: Seconds = 0.1

    private let hosts: [String]
    private let sources: [String: any LogSource]
    private let question: LogQuestion
    private let time: any Timepiece

    /// - Parameter question: its host is each source's own.
    package init(_ sources: [(host: String, source: any LogSource)], question: LogQuestion, time: any Timepiece) {
        hosts = sources.map(\.host)
        self.sources = Dictionary(sources.map { ($0.host, $0.source) }) { first, _ in first }
        self.question = question
        self.time = time
    }

    /// Until all is told, or, following, until nobody reads any more.
    package func run(_ voice: Voice) async throws -> Outcome {
        try await withThrowingTaskGroup(of: LogMerge.Event.self) { group in
            var merge = LogMerge(
                hosts: hosts, last: question.last, follows: question.follows, at: time.wallClock())
            defer { group.cancelAll() }
            for host in hosts { group.addTask { try await begin(host, since: question.since) } }
            if question.follows { group.addTask { try await tick() } }
            while let event = try await group.next() {
                for action in merge.handle(event, at: time.wallClock()) {
                    switch action {
                    case .show(let entries):
                        guard try await voice.show(entries) else { return outcome(merge) }
                    case .ask(let host): group.addTask { try await next(host) }
                    case .askAgain(let host, let since):
                        group.addTask {
                            try await time.sleep(Self.pause)
                            return try await begin(host, since: since ?? question.since)
                        }
                    case .miss(let host, let since, let why):
                        voice.say("\(host) has not answered since \(LogTime.text(since)): \(why)")
                    case .greet(let host): voice.say("\(host) answers again")
                    case .finish: return outcome(merge)
                    }
                }
                if event == .tick {
                    // Also tells whether anybody still reads.
                    guard try await voice.show([]) else { return outcome(merge) }
                    group.addTask { try await tick() }
                }
            }
            return outcome(merge)
        }
    }

    private func outcome(_ merge: LogMerge) -> Outcome { Outcome(missing: merge.missing, known: merge.known) }

    private func tick() async throws -> LogMerge.Event {
        try await time.sleep(Self.pace)
        return .tick
    }

    private func begin(_ host: String, since: Double?) async throws -> LogMerge.Event {
        var own = question
        own.host = host
        own.since = since
        if since != question.since { own.last = nil }
        return try await heard(host) { [own] in try await $0.begin(own) }
    }

    private func next(_ host: String) async throws -> LogMerge.Event {
        try await heard(host) { try await $0.next() }
    }

    private func heard(
        _ host: String, _ body: @escaping @Sendable (any LogSource) async throws -> LogPage
    ) async throws -> LogMerge.Event {
        guard let source = sources[host] else { return .lost(host, why: "nobody knows it") }
        do {
            var page = try await time.limited(to: Self.patience) { try await body(source) }
            for index in page.entries.indices { page.entries[index].host = host }
            return .page(host, page)
        } catch {
            try Task.checkCancellation()
            let failure = Failure(told: error)
            return .lost(host, why: "\(failure.what): \(failure.why)")
        }
    }
}
