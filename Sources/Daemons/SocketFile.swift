import Fleet
import Glibc

/// A unix socket at a path: of its mode from its first moment, and never stolen from somebody who listens.
package enum SocketFile {
    /// A bound, not yet listening descriptor. A socket file that nobody listens on is left from somebody who was
    /// killed, and replaced.
    package static func bind(_ path: String, mode: mode_t) throws(Failure) -> Int32 {
        let address = try address(path)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw cannot(path, lastError) }
        do throws(Failure) {
            try removeStale(path, address)
            // Before the bind: the file then never exists with a wider mode. After it: the umask may
            // have taken rights away.
            guard fchmod(descriptor, mode) == 0, with(address, { Glibc.bind(descriptor, $0, $1) }) == 0,
                chmod(path, mode) == 0
            else { throw cannot(path, lastError) }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    private static var lastError: String { String(cString: strerror(errno)) }

    private static func removeStale(_ path: String, _ address: sockaddr_un) throws(Failure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw cannot(path, "something that is not a socket is in its place")
        }
        let probe = socket(AF_UNIX, kind, 0)
        guard probe >= 0 else { throw cannot(path, lastError) }
        defer { close(probe) }
        guard with(address, { connect(probe, $0, $1) }) != 0, errno == ECONNREFUSED else {
            throw cannot(path, "another process listens there")
        }
        unlink(path)
    }

    private static func address(_ path: String) throws(Failure) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count < room, !bytes.contains(0) else {
            throw Failure(
                .usage, "cannot listen on \(path)", because: "a socket path has at most \(room - 1) bytes",
                next: "choose a shorter path, or --root")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    private static func with(
        _ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = address
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func cannot(_ path: String, _ why: String) -> Failure {
        Failure(
            .failed, "cannot listen on \(path)", because: why,
            next: "`convoy status` may tell who listens there; stop it, or remove what is there")
    }
}
