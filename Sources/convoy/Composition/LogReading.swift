import Fleet
import Foundation
import Ledger
import Planning
import Supervision
import Systemd

/// A host's logs, wherever its backend keeps them: the files of a direct one, the journal of systemd with the two
/// files that nginx writes itself.
struct LogReading: Sendable {
    struct Query {
        var selection: LogSelection
        /// Seconds since 1970.
        var since: Double?
        var last: Int?
        /// This machine's name where the fleet is on several.
        var host: String?
    }

    typealias Cursors = [String: LogCursor]
    /// How soon a new line of a file is told.
    private static let pace = Duration.milliseconds(100)
    private static let daemons = ["edge", "gate", "refresher", "supervisor"]

    let files: LogFiles
    /// Nil on a direct host.
    let journal: (reader: JournalReader, fleet: String)?
    let query: Query
    let localOffset: LogTime.LocalOffset

    static let localOffset: LogTime.LocalOffset = { time in
        Double(TimeZone.current.secondsFromGMT(for: Date(timeIntervalSince1970: time)))
    }

    static func here(_ workplace: Workplace, _ query: Query) async throws -> LogReading {
        let isJournal = try workplace.host().backend == .systemd
        return LogReading(
            files: LogFiles(directory: workplace.layout.logs),
            journal: isJournal ? (JournalReader(), try await fleet(workplace, isMember: query.host != nil)) : nil,
            query: query,
            localOffset: localOffset)
    }

    /// What the ledger says runs here; else what fleet.yaml says.
    private static func fleet(_ workplace: Workplace, isMember: Bool) async throws -> String {
        // The ledger of a fleet over several hosts is none of theirs.
        if isMember { return try SpecFile(path: workplace.file, workplace: workplace).load().spec.name }
        let record = try? await workplace.leases.ledger().load()
        let plan = record?.current ?? record?.next ?? record?.previous
        return try plan?.fleet ?? SpecFile(path: workplace.file, workplace: workplace).load().spec.name
    }

    struct History {
        var cursors: Cursors = [:]
        /// Names that there are logs of.
        var known: Set<String> = []
        /// The newest lines, as far as `follow` has to know what was told.
        var newest: [LogEntry] = []
    }

    private static let piece = 256

    /// Tells what was written until now, by time, piece by piece; nil when nobody reads any more.
    func history(mayBeEmpty: Bool, _ sink: any LogSink) async throws -> History? {
        var history = History()
        var sources: [[LogEntry]] = []
        let names = try fileNames()
        for name in names where query.selection.includes(name) {
            let (lines, cursor) = try files.read(name, last: query.last)
            history.cursors[name] = cursor
            let rest = mayBeEmpty ? [] : [cursor.unfinished].compactMap(\.self)
            sources.append(dated(lines + rest, name, otherwise: files.modified(name) ?? 0))
        }
        history.known = Set(names + sources.joined().map(\.source) + (journal == nil ? [] : Self.daemons))
        guard let journal else {
            let all = LogEntry.merged(sources, last: query.last)
            history.newest = all
            return try await sink.show(all) ? history : nil
        }
        return try await tell(journal, sources, history, sink)
    }

    /// The journal may be larger than memory: no more of it is held than a piece, or the last lines that are wanted.
    private func tell(
        _ journal: (reader: JournalReader, fleet: String), _ sources: [[LogEntry]], _ before: History,
        _ sink: any LogSink
    ) async throws -> History? {
        var history = before
        var piece: [LogEntry] = []
        var others = LogEntry.merged(sources)[...]
        for try await line in journal.reader.lines(journalQuery(journal.fleet)) {
            let entry = LogEntry(line)
            history.known.formUnion([entry.source, entry.pool].compactMap(\.self))
            if history.newest.first?.time != entry.time { history.newest = [] }
            history.newest.append(entry)
            piece.append(entry)
            guard query.last == nil, piece.count >= Self.piece else { continue }
            let older = others.prefix { $0.time <= entry.time }
            others = others.dropFirst(older.count)
            guard try await sink.show(LogEntry.merged([Array(older), piece])) else { return nil }
            piece = []
        }
        return try await sink.show(LogEntry.merged([Array(others), piece], last: query.last)) ? history : nil
    }

    func check(_ known: Set<String>) throws {
        guard known.isEmpty || !query.selection.unknown(among: Array(known)).isEmpty else { return }
        throw Self.unknown(query.selection, known)
    }

    static func unknown(_ selection: LogSelection, _ known: Set<String>) -> Failure {
        let unknown = selection.unknown(among: Array(known)).joined(separator: ", ")
        return Failure(
            .unavailable, "cannot show logs", because: "there are none" + (unknown.isEmpty ? "" : " of \(unknown)"),
            next: known.isEmpty ? "run `convoy up` first" : "choose from: \(known.sorted().joined(separator: ", "))")
    }

    /// Returns when nobody reads any more.
    /// - Parameter began: before `history` was asked for.
    func follow(_ history: History, began: Double, _ sink: any LogSink) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await followFiles(history.cursors, sink) }
            if let journal { group.addTask { try await follow(journal, after: history.newest, began: began, sink) } }
            try await group.next()
            group.cancelAll()
        }
    }

    private func followFiles(_ before: Cursors, _ sink: any LogSink) async throws {
        var cursors = before
        while true {
            var sources: [[LogEntry]] = []
            // Also those that are new.
            for name in try fileNames() where query.selection.includes(name) {
                var cursor = cursors[name] ?? files.begin(name)
                let lines = try cursor.advance()
                cursors[name] = cursor
                if !lines.isEmpty { sources.append(dated(lines, name, otherwise: Date().timeIntervalSince1970)) }
            }
            guard try await sink.show(LogEntry.merged(sources)) else { return }
            try await Task.sleep(for: Self.pace)
        }
    }

    /// From the last line that was shown on; those of the same instant that were shown are left out.
    private func follow(
        _ journal: (reader: JournalReader, fleet: String), after shown: [LogEntry], began: Double,
        _ sink: any LogSink
    ) async throws {
        let own = shown.filter { !LogName.edgeFiles.contains($0.source) }
        let start = own.map(\.time).max()
        var repeated = own.filter { $0.time == start }
        var next = journalQuery(journal.fleet)
        next.since = start ?? query.since ?? began
        next.last = nil
        next.follows = true
        for try await line in journal.reader.lines(next) {
            let entry = LogEntry(line)
            if let place = repeated.firstIndex(of: entry) {
                repeated.remove(at: place)
            } else if try await !sink.show([entry]) {
                return
            }
        }
    }

    private func fileNames() throws -> [String] {
        try files.names().filter { journal == nil || LogName.edgeFiles.contains($0) }
    }

    private func dated(_ lines: [String], _ name: String, otherwise: Double) -> [LogEntry] {
        let entries = LogEntry.dated(lines, source: name, otherwise: otherwise, localOffset: localOffset)
        return query.since.map { since in entries.filter { $0.time >= since } } ?? entries
    }

    private func journalQuery(_ fleet: String) -> JournalQuery {
        let sources = query.selection.names.map { name -> JournalQuery.Source in
            if Self.daemons.contains(name) { return .daemon(name) }
            return LogName(name).pool == nil ? .pool(name) : .instance(name)
        }
        return JournalQuery(fleet: fleet, sources: Set(sources), since: query.since, last: query.last, host: query.host)
    }
}

extension LogEntry {
    init(_ line: JournalLine) {
        let name = LogName(line.source)
        self.init(
            time: line.time, source: line.source, pool: line.pool ?? name.pool,
            generation: line.generation ?? name.generation, priority: line.priority, message: line.message)
    }
}
