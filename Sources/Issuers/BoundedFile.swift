import Fleet
import Glibc

/// Files that the refresher reads whole; none of them may fill its memory.
enum BoundedFile {
    struct Fault: Error, Sendable, Equatable { var reason: String }

    static func read(_ path: String, limit: Int) throws(Fault) -> [UInt8] {
        let descriptor = try open(path)
        defer { close(descriptor) }
        return try content(descriptor, limit)
    }

    /// A file that nobody but its owner may read, and that belongs to us or to root. The open file is
    /// asked, so that it can't be another one than was looked at.
    static func readSecret(_ path: String) throws(Fault) -> Secret {
        let descriptor = try open(path)
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw lastFault }
        guard status.st_mode & S_IFMT == S_IFREG else { throw Fault(reason: "it is not a file") }
        guard status.st_mode & 0o077 == 0 else {
            throw Fault(reason: "others may read it: chmod 0600; if somebody may have read it, change the secret too")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw Fault(reason: "it belongs to somebody else")
        }
        var bytes = try content(descriptor, 4096)
        if bytes.last == 0x0a { bytes.removeLast() }
        if bytes.last == 0x0d { bytes.removeLast() }
        guard !bytes.isEmpty else { throw Fault(reason: "it is empty") }
        guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(where: { $0 < 0x20 }) else {
            throw Fault(reason: "it is not one line of text")
        }
        return Secret(text)
    }

    /// Not blocking, because something put in place of the file could be a pipe.
    private static func open(_ path: String) throws(Fault) -> Int32 {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw lastFault }
        return descriptor
    }

    private static func content(_ descriptor: Int32, _ limit: Int) throws(Fault) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw lastFault }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= limit else { throw Fault(reason: "it is larger than \(limit) bytes") }
        }
    }

    private static var lastFault: Fault { Fault(reason: String(cString: strerror(errno))) }
}
