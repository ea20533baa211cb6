import CSystemd
import Foundation

/// Where a daemon of Convoy writes its own lines: the journal, with fields, when systemd reads its standard
/// error; else standard error, as text or JSON.
package struct JournalLog: Sendable {
    package enum Priority: Int, Sendable, Codable {
        case error = 3
        case warning = 4
        case notice = 5
        case info = 6
        case debug = 7
    }

    package enum Form: String, Sendable, CaseIterable { case journal, text, json }

    package let form: Form
    private let daemon: String
    private let fields: [String: String]
    private let now: @Sendable () -> Date
    private let write: @Sendable (String) -> Void

    /// - Parameters:
    ///   - daemon: `supervisor`, `gate` or `refresher`.
    ///   - form: nil for what `CONVOY_LOG` names, or whatever suits the place.
    ///   - fields: go with every line, by names such as `CONVOY_FLEET`.
    package init(
        daemon: String, form: Form? = nil, fields: [String: String] = [:],
        environment: [String: String] = ProcessInfo.processInfo.environment,
        now: @escaping @Sendable () -> Date = { Date() },
        write: @escaping @Sendable (String) -> Void = { FileHandle.standardError.write(Data($0.utf8)) }
    ) {
        self.daemon = daemon
        let named = environment["CONVOY_LOG"].flatMap { Form(rawValue: $0) }
        self.form = form ?? named ?? (Self.isJournal(environment) ? .journal : .text)
        self.fields = fields
        self.now = now
        self.write = write
    }

    /// - Parameter more: fields of this line alone, such as `CONVOY_INSTANCE`. Never a secret.
    package func write(_ message: String, _ priority: Priority = .info, _ more: [String: String] = [:]) {
        let all = fields.merging(more) { $1 }
        switch form {
        case .journal:
            // A sandbox without the journal's socket: systemd reads our standard error all the same.
            if !send(message, priority, all) { write("<\(priority.rawValue)>\(message)\n") }
        case .text: write("\(stamp) \(message)\n")
        case .json: write(json(message, priority, all) + "\n")
        }
    }

    /// Whether standard error is systemd's stream to the journal: the number of the device and of the inode are
    /// announced, and an inherited announcement may be somebody else's.
    package static func isJournal(_ environment: [String: String], descriptor: Int32 = STDERR_FILENO) -> Bool {
        let parts = (environment["JOURNAL_STREAM"] ?? "").split(separator: ":").compactMap { UInt64($0) }
        return parts.count == 2 && convoy_is_journal_stream(descriptor, parts[0], parts[1]) != 0
    }

    private func send(_ message: String, _ priority: Priority, _ all: [String: String]) -> Bool {
        var lines = ["MESSAGE=" + message, "PRIORITY=\(priority.rawValue)", "SYSLOG_IDENTIFIER=convoy-" + daemon]
        lines += all.sorted { $0.key < $1.key }.prefix(20).map { $0.key + "=" + $0.value }
        let bytes = lines.map { Array($0.utf8CString) }
        let lengths = bytes.map { $0.count - 1 }
        return withPointers(to: bytes[...], []) { pointers in
            convoy_journal_send(pointers, lengths, Int32(pointers.count)) == 0
        }
    }

    private func withPointers<Value>(
        to rest: ArraySlice<[CChar]>, _ pointers: [UnsafePointer<CChar>?], _ body: ([UnsafePointer<CChar>?]) -> Value
    ) -> Value {
        guard let first = rest.first else { return body(pointers) }
        return first.withUnsafeBufferPointer {
            withPointers(to: rest.dropFirst(), pointers + [$0.baseAddress], body)
        }
    }

    private var stamp: String { now().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)) }

    private func json(_ message: String, _ priority: Priority, _ all: [String: String]) -> String {
        var line = all
        line["time"] = stamp
        line["daemon"] = daemon
        line["priority"] = "\(priority)"
        line["message"] = message
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(line)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
