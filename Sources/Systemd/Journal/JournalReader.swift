import CSystemd
import Fleet
import Foundation
import Glibc
import Planning

/// Lines of the journal, for `convoy logs`.
package struct JournalReader: Sendable {
    private let directory: String?

    /// - Parameter directory: of journal files; nil for this machine's journal.
    package init(directory: String? = nil) { self.directory = directory }

    /// In the order of the journal, and not read far ahead of who listens. Ends by itself unless the query follows;
    /// ends when nobody listens any more.
    package func lines(_ query: JournalQuery) -> AsyncThrowingStream<JournalLine, any Error> {
        AsyncThrowingStream(bufferingPolicy: .bufferingOldest(1024)) { continuation in
            let wake = convoy_wakeup_make()
            // The last one out closes the descriptor: the thread may still sleep on it.
            let alarm = Alarm(descriptor: wake)
            continuation.onTermination = { _ in alarm.ring() }
            // The journal is read by blocking calls, on one thread.
            Thread.detachNewThread { [directory] in
                do {
                    try JournalReading(directory: directory, query: query, wake: alarm).run { line in
                        while true {
                            switch continuation.yield(line) {
                            case .terminated: return false
                            case .dropped: alarm.pause()
                            default: return true
                            }
                        }
                    }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }

    final class Alarm: Sendable {
        let descriptor: Int32
        init(descriptor: Int32) { self.descriptor = descriptor }
        deinit { if descriptor >= 0 { close(descriptor) } }
        func ring() { convoy_wakeup(descriptor) }
        /// A moment, or until it rings.
        func pause() {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&wait, 1, 10)
        }
    }
}

/// One reading of the journal, by one thread.
struct JournalReading {
    let directory: String?
    let query: JournalQuery
    let wake: JournalReader.Alarm

    /// - Parameter tell: false when nobody listens any more.
    func run(_ tell: (JournalLine) -> Bool) throws {
        var opened: OpaquePointer?
        try check(convoy_journal_open(directory, &opened))
        guard let journal = opened else { return }
        defer { convoy_journal_close(journal) }
        try narrow(journal)
        if try !begin(journal, tell) { return }
        while true {
            while convoy_journal_next(journal) > 0 {
                if let line = line(journal), query.wants(line), !tell(line) { return }
            }
            guard query.follows else { return }
            let woken = convoy_journal_wait(journal, wake.descriptor)
            try check(woken)
            if woken == 0 { return }
        }
    }

    private func narrow(_ journal: OpaquePointer) throws {
        for (index, set) in query.matches.enumerated() {
            if index > 0 { try check(convoy_journal_or(journal)) }
            for field in set { try check(convoy_journal_match(journal, field)) }
        }
    }

    /// Goes to where the reading begins. With a number of last lines, tells these: what is wanted of the journal
    /// is known only line by line.
    private func begin(_ journal: OpaquePointer, _ tell: (JournalLine) -> Bool) throws -> Bool {
        let since = UInt64(max(0, query.since ?? 0) * 1_000_000)
        guard let last = query.last else {
            try check(convoy_journal_seek(journal, since))
            return true
        }
        try check(convoy_journal_seek_tail(journal))
        var lines: [JournalLine] = []
        var steps = 0
        while lines.count < last, convoy_journal_previous(journal) > 0 {
            steps += 1
            var time: UInt64 = 0
            guard convoy_journal_time(journal, &time) >= 0, time >= since else { break }
            if let line = line(journal), query.wants(line) { lines.append(line) }
        }
        // Back to the end by as many steps: whatever came meanwhile is next. Where nothing is, all is new.
        if steps == 0 { try check(convoy_journal_seek(journal, since)) }
        while steps > 1, convoy_journal_next(journal) > 0 { steps -= 1 }
        return lines.reversed().allSatisfy(tell)
    }

    private func line(_ journal: OpaquePointer) -> JournalLine? {
        var time: UInt64 = 0
        guard convoy_journal_time(journal, &time) >= 0, let message = value("MESSAGE", journal) else { return nil }
        let isFromSystemd = value("_PID", journal) == "1"
        guard let unit = value(isFromSystemd ? "UNIT" : "_SYSTEMD_UNIT", journal) else { return nil }
        return JournalLine(
            time: Double(time) / 1_000_000, unit: UnitName(unit), isFromSystemd: isFromSystemd,
            pool: value(JournalField.pool, journal), instance: value(JournalField.instance, journal),
            generation: value(JournalField.generation, journal).flatMap { Int($0) },
            priority: value("PRIORITY", journal).flatMap { Int($0) } ?? 6, message: message)
    }

    private func value(_ field: String, _ journal: OpaquePointer) -> String? {
        var start: UnsafePointer<CChar>?
        var length = 0
        guard convoy_journal_value(journal, field, &start, &length) >= 0, let start else { return nil }
        return String(decoding: UnsafeRawBufferPointer(start: start, count: length), as: UTF8.self)
    }

    private func check(_ result: Int32) throws {
        guard result < 0 else { return }
        throw Failure(
            .unavailable, "cannot read the journal", because: String(cString: strerror(-result)),
            next: "run it as root or as a member of the group systemd-journal; `journalctl --verify` checks its files")
    }
}
