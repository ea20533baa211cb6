import Fleet
import Glibc

/// The logs of a directory: `NAME.log`, with older parts `NAME.log.1` (the newest of them) and so on.
package struct LogFiles: Sendable {
    package let directory: String

    package init(directory: String) { self.directory = directory }

    /// Without `.log`, sorted; a directory that is not there holds none.
    package func names() throws -> [String] {
        try PosixFiles().list(directory).filter { $0.hasSuffix(".log") }.map { String($0.dropLast(4)) }
    }

    /// Its lines so far, and where to go on.
    /// - Parameter last: so many of the last lines at most.
    package func read(_ name: String, last: Int? = nil) throws -> (lines: [String], cursor: LogCursor) {
        try LogCursor.open(LogParts(path: "\(directory)/\(name).log"), last: last)
    }

    /// Seconds since 1970; nil when it is not there.
    package func modified(_ name: String) -> Double? {
        var status = stat()
        guard stat("\(directory)/\(name).log", &status) == 0 else { return nil }
        return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
    }

    /// Before the first line of a log that was not there before.
    package func begin(_ name: String) -> LogCursor { LogCursor(parts: LogParts(path: "\(directory)/\(name).log")) }
}

/// A log and its older parts as they are on disk now.
struct LogParts: Sendable {
    let path: String

    struct Part: Equatable {
        let path: String
        let identity: Identity
        let size: Int64
    }

    struct Identity: Equatable, Sendable {
        let device: UInt64
        let inode: UInt64
        /// When it was last written to, in nanoseconds; 0 for what still grows. Inodes are used again.
        let modified: Int
    }

    /// The newest first. While they are renamed there is a gap between them.
    func older() throws -> [Part] {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let name = path[slash...].drop { $0 == "/" } + "."
        return try PosixFiles().list(String(path[..<slash])).filter { $0.hasPrefix(name) }
            .compactMap { Int($0.dropFirst(name.count)) }.filter { $0 > 0 }.sorted()
            .compactMap { Self.part("\(path).\($0)", grows: false) }
    }

    /// Nil when it is not there.
    func current() -> Part? { Self.part(path, grows: true) }

    private static func part(_ path: String, grows: Bool) -> Part? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let modified = grows ? 0 : status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
        let identity = Identity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino), modified: modified)
        return Part(path: path, identity: identity, size: Int64(status.st_size))
    }

    /// Up to the end of the file, or to `end`. Empty when it is gone.
    static func bytes(_ path: String, from start: Int64, to end: Int64? = nil) throws -> [UInt8] {
        do {
            let file = try OwnedDescriptor(opening: path, O_RDONLY | O_NOFOLLOW)
            var bytes: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            var place = start
            while end.map({ place < $0 }) ?? true {
                let count = pread(file.number, &buffer, min(buffer.count, Int((end ?? .max) - place)), Int(place))
                if count == 0 { break }
                if count < 0 && errno != EINTR { throw SystemError.last }
                if count > 0 {
                    bytes.append(contentsOf: buffer[..<count])
                    place += Int64(count)
                }
            }
            return bytes
        } catch let error as SystemError {
            if error.code == ENOENT { return [] }
            throw error.failure("cannot read \(path)", path: path)
        }
    }
}
