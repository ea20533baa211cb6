import Fleet
import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// The listening unix socket: mode 0600 from its first moment, never stolen from somebody who listens.
enum ControlSocket {
    /// A bound, not yet listening descriptor.
    static func bind(_ path: String) throws -> Int32 {
        var address = try unixAddress(path)
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw cannot(path, String(cString: strerror(errno))) }
        do {
            try removeStale(path, address)
            // Before the bind: the file then never exists with a wider mode.
            guard fchmod(descriptor, 0o600) == 0 else { throw cannot(path, String(cString: strerror(errno))) }
            let length = socklen_t(MemoryLayout<sockaddr_un>.size)
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.bind(descriptor, $0, length) }
            }
            guard bound == 0 else { throw cannot(path, String(cString: strerror(errno))) }
            guard chmod(path, 0o600) == 0 else { throw cannot(path, String(cString: strerror(errno))) }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// A socket file that nobody listens on is left from a supervisor that was killed.
    private static func removeStale(_ path: String, _ address: sockaddr_un) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw cannot(path, "something that is not a socket is in its place")
        }
        let probe = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { throw cannot(path, String(cString: strerror(errno))) }
        defer { close(probe) }
        var address = address
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(probe, $0, length) }
        }
        guard connected != 0, errno == ECONNREFUSED else { throw cannot(path, "another supervisor listens there") }
        unlink(path)
    }

    private static func unixAddress(_ path: String) throws -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count < room, !bytes.contains(0) else {
            throw Failure(
                .usage, "cannot listen on \(path)", because: "a socket path has at most \(room - 1) bytes",
                next: "choose a shorter --root")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    private static func cannot(_ path: String, _ why: String) -> Failure {
        Failure(.failed, "cannot listen on \(path)", because: why, next: "convoy status, or remove what is there")
    }
}

/// `struct ucred`, as SO_PEERCRED gives it.
struct PeerCredentials: Sendable {
    var pid: Int32 = 0
    var user: UInt32 = 0
    var group: UInt32 = 0

    /// The second wall behind the file's mode: whoever got hold of the path is still not served.
    var isTrusted: Bool { user == geteuid() || user == 0 }
}
