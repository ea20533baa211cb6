import Fleet
import Glibc

/// An advisory lock that its holder's death sets free.
struct FileLock: Sendable {
    private let descriptor: Int32

    /// Waits up to 30 s for whoever holds it; each attempt opens the file anew, so tasks of one process
    /// exclude each other too.
    static func acquire(_ path: String) async throws -> FileLock {
        for _ in 0..<600 {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw EdgeFile.failed("cannot open \(path): \(String(cString: strerror(errno)))")
            }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return FileLock(descriptor: descriptor) }
            close(descriptor)
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Failure(
            .leaseHeld, "cannot install the edge's configuration", because: "another convoy has held \(path) for 30 s",
            next: "find it with `fuser \(path)`, let it end, then run again")
    }

    func release() { close(descriptor) }
}
