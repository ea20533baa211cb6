import Fleet
import Foundation
import Planning

/// Lines of logs as people and programs read them, without what is secret.
package struct LogEntryText: Sendable {
    /// One object per line, and no text.
    private let isJSON: Bool
    /// Grows with the names that were shown.
    private var width = 0
    private var hostWidth = 0

    package init(isJSON: Bool) { self.isJSON = isJSON }

    package mutating func text(_ entries: [LogEntry]) throws -> String {
        guard !isJSON else { return try entries.map { try Self.json($0) + "\n" }.joined() }
        width = max(width, entries.map(\.source.count).max() ?? 0)
        hostWidth = max(hostWidth, entries.compactMap(\.host?.count).max() ?? 0)
        return entries.map { entry in
            let source = entry.source + String(repeating: " ", count: width - entry.source.count)
            let host = entry.host.map { $0 + String(repeating: " ", count: hostWidth - $0.count) + "  " } ?? ""
            let head = "\(LogTime.text(entry.time))  \(host)\(source)  "
            return LogText.lines(LogText.redacted(entry.message)).map { head + $0 + "\n" }.joined()
        }.joined()
    }

    private struct Document: Encodable {
        var time: String
        var host: String?
        var source: String
        var pool: String?
        var generation: Int?
        var priority: Int?
        var message: String

        private enum Keys: String, CodingKey { case time, host, source, pool, generation, priority, message }

        /// Every key is always there, null where there is nothing to say.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            try container.encode(time, forKey: .time)
            try container.encode(host, forKey: .host)
            try container.encode(source, forKey: .source)
            try container.encode(pool, forKey: .pool)
            try container.encode(generation, forKey: .generation)
            try container.encode(priority, forKey: .priority)
            try container.encode(message, forKey: .message)
        }
    }

    private static func json(_ entry: LogEntry) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let document = Document(
            time: LogTime.text(entry.time), host: entry.host, source: entry.source, pool: entry.pool,
            generation: entry.generation, priority: entry.priority, message: LogText.redacted(entry.message))
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }
}
