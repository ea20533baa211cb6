import Crypto
import Fleet
import Glibc

/// What the kernel says about a file without reading it.
struct Fingerprint: Equatable, Sendable {
    var mode: UInt32
    var size: Int64
    /// Nanoseconds since 1970.
    var modified: Int64
    /// Nanoseconds since 1970. Unlike `modified` nobody can set it back.
    var changed: Int64
    var inode: UInt64

    init(mode: UInt32, size: Int64, modified: Int64, changed: Int64, inode: UInt64) {
        self.mode = mode
        self.size = size
        self.modified = modified
        self.changed = changed
        self.inode = inode
    }

    init(_ status: stat) {
        mode = status.st_mode
        size = Int64(status.st_size)
        modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
        changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
        inode = UInt64(status.st_ino)
    }

    var type: UInt32 { mode & S_IFMT }
    var isDirectory: Bool { type == S_IFDIR }
    var isFile: Bool { type == S_IFREG }
    var isLink: Bool { type == S_IFLNK }
    /// Umasks differ in what group and others get; that the owner may execute is the file's own.
    var isExecutable: Bool { mode & S_IXUSR != 0 }
}

/// The few calls that Foundation does not offer, or offers too slowly for a check before each start.
enum Posix {
    static func failure(_ what: String, _ path: String, _ code: Int32 = errno) -> Failure {
        Failure(
            .failed, "cannot \(what) \(path)", because: message(code),
            next: code == ENOSPC ? "free some space, then run it again" : "see to that path, then run it again")
    }

    static func message(_ code: Int32) -> String { strerror(code).map { String(cString: $0) } ?? "error \(code)" }

    static func fingerprint(_ path: String) -> Fingerprint? {
        var status = stat()
        return lstat(path, &status) == 0 ? Fingerprint(status) : nil
    }

    static func names(in directory: String) throws -> [String] {
        guard let stream = opendir(directory) else { throw failure("list", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let name, !name.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else {
                throw Failure(
                    .failed, "cannot use \(directory)", because: "a file name in it is not printable UTF-8",
                    next: "rename that file")
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw failure("list", directory) }
        return names
    }

    static func linkTarget(_ path: String) throws -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.baseAddress.map { readlink(path, $0.assumingMemoryBound(to: CChar.self), bytes.count) } ?? -1
        }
        guard count >= 0 else { throw failure("read the link", path) }
        return String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    static func makeDirectory(_ path: String, mode: mode_t = 0o755) throws {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            if mkdir(made, mode) != 0, errno != EEXIST { throw failure("create the directory", made) }
        }
    }

    static func move(_ source: String, to target: String) throws {
        guard rename(source, target) == 0 else { throw failure("move \(source) to", target) }
    }

    /// Hands the content to `body` in pieces.
    static func read(_ path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw failure("read", path) }
        defer { close(file) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = Glibc.read(file, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    static func readAll(_ path: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try read(path) { bytes.append(contentsOf: $0) }
        return bytes
    }

    static func sha256(_ path: String) throws -> String {
        var hash = SHA256()
        try read(path) { hash.update(bufferPointer: $0) }
        return Hashing.hex(hash)
    }

    /// New file; the mode does not depend on the umask.
    static func write(_ path: String, _ bytes: [UInt8], mode: mode_t) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard file >= 0 else { throw failure("write", path) }
        defer { close(file) }
        guard fchmod(file, mode) == 0 else { throw failure("set the mode of", path) }
        try bytes.withUnsafeBytes { try writeAll(file, $0, path) }
    }

    static func copy(_ source: String, to target: String, mode: mode_t) throws {
        let file = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard file >= 0 else { throw failure("write", target) }
        defer { close(file) }
        guard fchmod(file, mode) == 0 else { throw failure("set the mode of", target) }
        try read(source) { try writeAll(file, $0, target) }
    }

    private static func writeAll(_ file: Int32, _ bytes: UnsafeRawBufferPointer, _ path: String) throws {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(file, bytes.baseAddress?.advanced(by: done), bytes.count - done)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("write", path) }
            done += count
        }
    }

    /// One call where a release has twenty thousand files; on Linux it returns when all is on disk.
    static func syncAll() { Glibc.sync() }

    /// Removes what it can and throws for the first thing it can't.
    static func removeTree(_ path: String) throws {
        guard let print = fingerprint(path) else { return }
        if print.isDirectory {
            for name in try names(in: path) { try removeTree(path + "/" + name) }
            guard rmdir(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
        } else {
            guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
        }
    }
}
