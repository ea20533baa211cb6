import Fleet
import Glibc

/// A place in a log that is rotated while it is read (`LogRotation`): what is cut off the front of the file goes on
/// in its newest part, so no line is lost and none is told twice.
package struct LogCursor: Sendable {
    private let parts: LogParts
    /// In the file itself.
    private var offset: Int64 = 0
    private var identity: LogParts.Identity?
    private var newestPart: LogParts.Identity?
    /// The beginning of a line whose end is not written yet.
    private var rest: [UInt8] = []
    /// When a rotation that is seen in the middle counts as cut: that may never end.
    private var giveUp: ContinuousClock.Instant?
    private static let patience = Duration.seconds(5)

    /// Before the first line.
    init(parts: LogParts) { self.parts = parts }

    /// What was written and has no end of line.
    package var unfinished: String? { rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self) }

    /// Lines that were completed since the last call.
    package mutating func advance() throws -> [String] {
        for _ in 0..<10 {
            let older = try parts.older()
            if isNew(older), try !isSettled(older) { return [] }
            var next = self
            let bytes = try next.read(older)
            // Rotated meanwhile: what was read may be from anywhere.
            guard try parts.older() == older else { continue }
            self = next
            giveUp = nil
            return completed(bytes)
        }
        return []
    }

    private mutating func read(_ older: [LogParts.Part]) throws -> [UInt8] {
        var found = try isNew(older) ? rotated(older) : []
        guard let file = parts.current() else { return found }
        if let identity, identity != file.identity || file.size < offset { offset = 0 }
        identity = file.identity
        let bytes = try LogParts.bytes(parts.path, from: offset)
        offset += Int64(bytes.count)
        found += bytes
        return found
    }

    /// None at all tells nothing: they are just being renamed, or somebody took them away.
    private func isNew(_ older: [LogParts.Part]) -> Bool {
        older.first.map { $0.identity != newestPart } ?? false
    }

    /// Until the part's bytes are cut off the file they are in both.
    private mutating func isSettled(_ older: [LogParts.Part]) throws -> Bool {
        guard let part = older.first, let file = parts.current() else { return true }
        let length = min(part.size, 4096)
        let isCopied =
            try length > 0 && file.size >= part.size
            && LogParts.bytes(file.path, from: 0, to: length) == LogParts.bytes(part.path, from: 0, to: length)
        guard isCopied else {
            giveUp = nil
            return true
        }
        let now = ContinuousClock.now
        giveUp = giveUp ?? now + Self.patience
        return giveUp.map { $0 <= now } ?? true
    }

    /// What of the new parts was not read while it was in the file.
    private mutating func rotated(_ older: [LogParts.Part]) throws -> [UInt8] {
        var found: [UInt8] = []
        for part in older.prefix(while: { $0.identity != newestPart }).reversed() {
            if offset < part.size { found += try LogParts.bytes(part.path, from: offset, to: part.size) }
            offset = max(0, offset - part.size)
        }
        newestPart = older.first?.identity
        return found
    }

    private mutating func completed(_ bytes: [UInt8]) -> [String] {
        guard !bytes.isEmpty else { return [] }
        rest += bytes
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let lines = Self.lines(rest[..<end])
        rest.removeSubrange(...end)
        return lines
    }

    private static func lines(_ bytes: ArraySlice<UInt8>) -> [String] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }
}

extension LogCursor {
    /// Reads from the end backwards, as far as it must.
    static func open(_ parts: LogParts, last: Int?) throws -> (lines: [String], cursor: LogCursor) {
        var cursor = LogCursor(parts: parts)
        for _ in 0..<5000 {
            let older = try parts.older()
            guard try cursor.isSettled(older) else {
                poll(nil, 0, 2)
                continue
            }
            let file = parts.current()
            let sources = [(parts.path, file?.size ?? 0)] + older.map { ($0.path, $0.size) }
            let bytes = try tail(sources, last: last)
            cursor.newestPart = older.first?.identity
            // Rotated meanwhile: once more.
            guard try parts.older() == older else { continue }
            cursor.giveUp = nil
            cursor.identity = file?.identity
            cursor.offset = file?.size ?? 0
            let lines = cursor.completed(bytes)
            return (last.map { Array(lines.suffix($0)) } ?? lines, cursor)
        }
        throw Failure(
            .failed, "cannot read \(parts.path)", because: "it is rotated faster than it can be read",
            next: "raise logs/rotateAt in fleet.yaml")
    }

    /// - Parameter sources: paths and how much of each, the newest first.
    private static func tail(_ sources: [(path: String, size: Int64)], last: Int?) throws -> [UInt8] {
        var blocks: [[UInt8]] = []
        var ends = 0
        for (path, size) in sources {
            var end = size
            while end > 0 {
                let start = last == nil ? 0 : max(0, end - 65_536)
                let block = try LogParts.bytes(path, from: start, to: end)
                blocks.append(block)
                ends += block.count { $0 == UInt8(ascii: "\n") }
                end = start
                // One more: the first line found may be half of one.
                if let last, ends > last { return fromLine(blocks) }
            }
        }
        return Array(blocks.reversed().joined())
    }

    private static func fromLine(_ blocks: [[UInt8]]) -> [UInt8] {
        let bytes = Array(blocks.reversed().joined())
        return bytes.firstIndex(of: UInt8(ascii: "\n")).map { Array(bytes[($0 + 1)...]) } ?? bytes
    }
}
