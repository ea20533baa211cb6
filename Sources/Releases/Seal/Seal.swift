import Fleet
import Foundation

/// What a release was right after it was installed: content and fingerprint of every file below its
/// directory, apart from the seal itself.
struct Seal: Equatable {
    static let file = "seal.json"

    struct Entry: Equatable {
        var path: String
        var content: Manifest.Content
        var fingerprint: Fingerprint
    }

    var kind: ReleaseReference.Kind
    var entries: [Entry]

    /// Of the tree, as the sealed entries tell it: a seal that somebody rewrote doesn't match the
    /// digest that the release is named by.
    func digest() throws -> Digest {
        var tree: [String: Manifest.Content] = [:]
        for entry in entries where entry.path.hasPrefix("tree/") {
            tree[String(entry.path.dropFirst(5))] = entry.content
        }
        return try Manifest(kind: kind, entries: tree).digest()
    }

    // MARK: As bytes

    private struct File: Codable {
        var format: Int
        var kind: ReleaseReference.Kind
        /// `type mode size modified changed inode content path`: objects would take a second to read.
        var entries: [String]
    }

    func encode() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(File(format: 1, kind: kind, entries: entries.map(Self.line))) + Data("\n".utf8))
    }

    init(kind: ReleaseReference.Kind, entries: [Entry]) {
        self.kind = kind
        self.entries = entries
    }

    /// Nil for anything that is not a seal.
    init?(_ bytes: [UInt8]) {
        guard let file = try? JSONDecoder().decode(File.self, from: Data(bytes)), file.format == 1 else { return nil }
        kind = file.kind
        entries = []
        entries.reserveCapacity(file.entries.count)
        for line in file.entries {
            guard let entry = Self.entry(line) else { return nil }
            entries.append(entry)
        }
    }

    private static func line(_ entry: Entry) -> String {
        let print = entry.fingerprint
        let numbers = "\(print.mode) \(print.size) \(print.modified) \(print.changed) \(print.inode)"
        return switch entry.content {
        case .directory: "d \(numbers) - \(entry.path)"
        case .file(let sha256, let executable): "\(executable ? "x" : "f") \(numbers) \(sha256) \(entry.path)"
        case .link(let target): "l \(numbers) \(Data(target.utf8).base64EncodedString()) \(entry.path)"
        }
    }

    private static func entry(_ line: String) -> Entry? {
        let words = line.utf8.split(separator: 32, maxSplits: 7, omittingEmptySubsequences: false)
            .map { Substring($0) }
        guard words.count == 8, let mode = UInt32(words[1]), let size = Int64(words[2]),
            let modified = Int64(words[3]), let changed = Int64(words[4]), let inode = UInt64(words[5])
        else { return nil }
        let print = Fingerprint(mode: mode, size: size, modified: modified, changed: changed, inode: inode)
        let content: Manifest.Content
        switch words[0] {
        case "d": content = .directory
        case "f", "x": content = .file(sha256: String(words[6]), executable: words[0] == "x")
        case "l":
            guard let target = Data(base64Encoded: String(words[6])) else { return nil }
            content = .link(target: String(decoding: target, as: UTF8.self))
        default: return nil
        }
        return Entry(path: String(words[7]), content: content, fingerprint: print)
    }
}
