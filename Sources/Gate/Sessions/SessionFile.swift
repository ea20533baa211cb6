import Crypto
import Fleet
import Glibc

/// The memory of a session table: a file that is mapped, so that a killed gate loses nothing, and an
/// old and a new gate see the same. A header of one page, then the entries.
struct SessionFile: ~Copyable {
    static let headerSize = 4096
    private static let magic: UInt64 = 0x4e56_5953_4553_5331
    private static let version: UInt64 = 1

    /// The first entry.
    let entries: UnsafeMutableRawPointer
    let count: Int
    let key: SymmetricKey
    private let base: UnsafeMutableRawPointer
    private let size: Int

    private init(base: UnsafeMutableRawPointer, size: Int, key: SymmetricKey) {
        self.base = base
        self.size = size
        self.key = key
        entries = base + Self.headerSize
        count = (size - Self.headerSize) / SessionEntry.size
    }

    deinit { munmap(base, size) }

    func place(_ index: Int) -> UnsafeMutableRawPointer { entries + index * SessionEntry.size }

    /// Memory of this process alone.
    init(volatile count: Int) throws(Failure) {
        let size = Self.headerSize + count * SessionEntry.size
        let base = try Self.map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1)
        self.init(base: base, size: size, key: SymmetricKey(size: .bits256))
    }

    /// Takes over `directory/sessions` (mode 0600), or puts a new one in its place when it is not
    /// there, of another size or version, damaged, or not ours alone.
    init(directory: String, count: Int) throws(Failure) {
        let size = Self.headerSize + count * SessionEntry.size
        let path = directory + "/sessions"
        let lock = try DirectoryLock(directory)
        defer { lock.release() }
        if let found = Self.open(path, size) {
            self = found
            return
        }
        self = try Self.create(path, size)
    }

    private static func open(_ path: String, _ size: Int) -> SessionFile? {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
            status.st_mode & 0o077 == 0, status.st_size == size,
            // Where there are holes, a full disk would end this process at a write.
            posix_fallocate(descriptor, 0, off_t(size)) == 0, let base = try? map(size, MAP_SHARED, descriptor)
        else { return nil }
        let words = (0..<8).map { base.load(fromByteOffset: $0 * 8, as: UInt64.self) }
        guard words[0] == magic, words[1] == version, words[2] == UInt64(size), words[7] == checksum(words) else {
            munmap(base, size)
            return nil
        }
        return SessionFile(base: base, size: size, key: SymmetricKey(data: words[3..<7].withUnsafeBytes { Array($0) }))
    }

    /// Made under another name: nobody ever finds half a table.
    private static func create(_ path: String, _ size: Int) throws(Failure) -> SessionFile {
        let draft = path + ".new"
        unlink(draft)
        let descriptor = Glibc.open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("make \(draft)", errno) }
        defer { close(descriptor) }
        let code = posix_fallocate(descriptor, 0, off_t(size))
        guard code == 0 else { throw failure("make room for \(size) bytes in \(draft)", code) }
        let base = try map(size, MAP_SHARED, descriptor)
        var random = SystemRandomNumberGenerator()
        var words = [magic, version, UInt64(size)] + (0..<4).map { _ in random.next() as UInt64 }
        words.append(checksum(words))
        for (index, word) in words.enumerated() {
            base.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
        }
        guard rename(draft, path) == 0 else {
            let code = errno
            munmap(base, size)
            throw failure("put \(path) in place", code)
        }
        return SessionFile(base: base, size: size, key: SymmetricKey(data: words[3..<7].withUnsafeBytes { Array($0) }))
    }

    private static func checksum(_ words: [UInt64]) -> UInt64 {
        var hash = SHA256()
        words[..<7].withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize().withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    }

    private static func map(_ size: Int, _ flags: Int32, _ descriptor: Int32) throws(Failure) -> UnsafeMutableRawPointer
    {
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, flags, descriptor, 0), base != MAP_FAILED else {
            throw failure("map \(size) bytes", errno)
        }
        return base
    }

    static func failure(_ what: String, _ code: Int32) -> Failure {
        Failure(
            .unavailable, "cannot \(what) for the gate's sessions", because: String(cString: strerror(code)),
            next: "give the gate's user a directory of its own that it can write to")
    }
}

/// Keeps two gates that start at once from replacing the table under each other.
private struct DirectoryLock {
    private let descriptor: Int32

    init(_ directory: String) throws(Failure) {
        descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SessionFile.failure("open \(directory)", errno) }
        // Held for milliseconds; whoever was stopped meanwhile must not hold up a whole fleet.
        for _ in 0..<200 {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            poll(nil, 0, 10)
        }
        close(descriptor)
        throw SessionFile.failure("lock \(directory)", EWOULDBLOCK)
    }

    func release() { close(descriptor) }
}
