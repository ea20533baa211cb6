import Fleet
import Glibc
import NIOCore
import NIOPosix

/// Where the refresher is asked.
package enum RefresherListener: Sendable, Equatable {
    /// Handed over as systemd does it (sd_listen_fds): the first one, descriptor 3.
    case inherited
    /// A unix socket at this path, mode 0660; removed at the end.
    case path(String)

    /// Whether this process was handed a listener.
    package static var isInherited: Bool { number("LISTEN_FDS").map { $0 >= 1 } ?? false }

    func bind(_ bootstrap: ServerBootstrap) async throws -> any Channel {
        switch self {
        case .path(let path): return try await bootstrap.withBoundSocket(try RefresherSocket.bind(path)).get()
        case .inherited:
            guard Self.isInherited else { throw Self.refusal("LISTEN_FDS names no socket") }
            if let owner = Self.number("LISTEN_PID"), owner != Int(getpid()) {
                throw Self.refusal("LISTEN_PID names another process")
            }
            try Self.requireUnixSocket(3)
            return try await bootstrap.withBoundSocket(3).get()
        }
    }

    private static func requireUnixSocket(_ descriptor: Int32) throws {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0, address.ss_family == sa_family_t(AF_UNIX) else {
            throw refusal("descriptor \(descriptor) is not a unix socket")
        }
    }

    private static func refusal(_ why: String) -> Failure {
        Failure(
            .usage, "cannot take over the refresher's socket", because: why,
            next: "let the supervisor start the refresher, or name a --socket")
    }

    private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
}

/// A unix socket of mode 0660 from its first moment, never stolen from somebody who listens.
private enum RefresherSocket {
    /// A bound, not yet listening descriptor.
    static func bind(_ path: String) throws(Failure) -> Int32 {
        let address = try address(path)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { throw cannot(path, lastError) }
        do throws(Failure) {
            try removeStale(path, address)
            // Before the bind: the file then never exists with a wider mode. After it: the umask may
            // have taken the group's right away.
            guard fchmod(descriptor, 0o660) == 0, with(address, { Glibc.bind(descriptor, $0, $1) }) == 0,
                chmod(path, 0o660) == 0
            else { throw cannot(path, lastError) }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    private static var lastError: String { String(cString: strerror(errno)) }

    /// A socket file that nobody listens on is left from a refresher that was killed.
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
                next: "choose a shorter path")
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
            .failed, "cannot listen on \(path)", because: why, next: "stop who listens there, or remove what is there")
    }
}
