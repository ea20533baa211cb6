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

    static func here(
        _ workplace: Workplace, _ query: Query, localOffset: @escaping LogTime.LocalOffset
    ) async throws -> LogReading {
        let isJournal = try workplace.host().backend == .systemd
        return LogReading(
            files: LogFiles(directory: workplace.layout.logs),
            journal: isJournal ? (JournalReader(), try await fleet(workplace)) : nil, query: query,
            localOffset: localOffset)
    }

    /// What the ledger says runs here; else what fleet.yaml says.
    private static func fleet(_ workplace: Workplace) async throws -> String {
        let record = try? await workplace.leases.ledger().load()
        let plan = record?.current ?? record?.next ?? record?.previous
        return try plan?.fleet ?? SpecFile(path: workplace.file, workplace: workplace).load().spec.name
    }

    /// What was written until now, by time, and where files go on.
    func history(mayBeEmpty: Bool) async throws -> ([LogEntry], Cursors) {
        var sources: [[LogEntry]] = []
        var cursors: Cursors = [:]
        let names = try fileNames()
        for name in names where query.selection.includes(name) {
            let (lines, cursor) = try files.read(name, last: query.last)
            cursors[name] = cursor
            let rest = mayBeEmpty ? [] : [cursor.unfinished].compactMap(\.self)
            sources.append(dated(lines + rest, name, otherwise: files.modified(name) ?? 0))
        }
        if let journal {
            var entries: [LogEntry] = []
            for try await line in journal.reader.lines(journalQuery(journal.fleet)) { entries.append(LogEntry(line)) }
            sources.append(entries)
        }
        let known = names + sources.joined().map(\.source) + (journal == nil ? [] : Self.daemons)
        if !mayBeEmpty { try check(known) }
        return (LogEntry.merged(sources, last: query.last), cursors)
    }

    private func check(_ known: [String]) throws {
        guard known.isEmpty || !query.selection.unknown(among: known).isEmpty else { return }
        let unknown = query.selection.unknown(among: known).joined(separator: ", ")
        throw Failure(
            .unavailable, "cannot show logs", because: "there are none" + (unknown.isEmpty ? "" : " of \(unknown)"),
            next: known.isEmpty
                ? "run `convoy up` first" : "choose from: \(Set(known).sorted().joined(separator: ", "))")
    }

    /// Returns when nobody reads any more.
    /// - Parameter began: before `history` was asked for.
    func follow(_ cursors: Cursors, _ shown: [LogEntry], began: Double, _ printer: LogPrinter) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await followFiles(cursors, printer) }
            if let journal { group.addTask { try await follow(journal, after: shown, began: began, printer) } }
            try await group.next()
            group.cancelAll()
        }
    }

    private func followFiles(_ before: Cursors, _ printer: LogPrinter) async throws {
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
            guard try await printer.show(LogEntry.merged(sources)) else { return }
            try await Task.sleep(for: Self.pace)
        }
    }

    /// From the last line that was shown on; those of the same instant that were shown are left out.
    private func follow(
        _ journal: (reader: JournalReader, fleet: String), after shown: [LogEntry], began: Double,
        _ printer: LogPrinter
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
            } else if try await !printer.show([entry]) {
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
        return JournalQuery(fleet: fleet, sources: Set(sources), since: query.since, last: query.last)
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
