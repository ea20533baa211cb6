import Fleet
import Foundation
import Ports

/// Remembers on disk which process is whose, so that a supervisor started after a crash finds them.
struct ProcessBook: Sendable {
    struct Entry: Codable, Equatable {
        var record: ProcessRecord
        var restarts: Int
        /// Seconds since 1970, for the uptime of adopted processes.
        var startedAt: Double
    }

    private let files: any FileStore
    private let path: String
    private(set) var entries: [String: Entry] = [:]

    init(files: any FileStore, path: String) {
        self.files = files
        self.path = path
    }

    /// An unreadable book is an empty one: whoever can't be adopted is found by its port and told.
    mutating func load() throws {
        guard let text = try files.read(path) else { return }
        entries = (try? JSONDecoder().decode([String: Entry].self, from: Data(text.utf8))) ?? [:]
    }

    mutating func record(_ entry: Entry) throws {
        entries[entry.record.id] = entry
        try save()
    }

    mutating func forget(_ id: String) throws {
        guard entries.removeValue(forKey: id) != nil else { return }
        try save()
    }

    func save() throws { try files.write(path, try StableJSON.text(entries), mode: 0o600) }
}
