import Fleet
import Glibc
import Ports

/// A unix socket that listens. Whoever inherits its descriptor can serve on it; the path stays until
/// the next one replaces it.
package final class ListeningSocket: Sendable {
    package let path: String
    /// Open as long as this object lives.
    package let descriptor: Int32

    /// The longest path that fits into `sockaddr_un`, without its NUL.
    package static let longestPath = 107

    /// Replaces a socket that nobody answers on. Throws when somebody does, and when something that
    /// is no socket is in the way.
    package init(
        path: String, mode: UInt16, owner: ProcessPlan.UserAndGroup? = nil, backlog: Int32 = 512
    ) throws {
        self.path = path
        let address = try UnixAddress(path)
        try Self.clear(path, address)
        do {
            let socket = try OwnedDescriptor(socket(AF_UNIX, Self.kind, 0))
            if address.with({ bind(socket.number, $0, $1) }) != 0 { throw SystemError.last }
            // Nobody can connect before listen, so nobody slips in under a looser mode.
            if chmod(path, mode_t(mode)) != 0 { throw SystemError.last }
            if let owner, lchown(path, owner.user, owner.group) != 0 { throw SystemError.last }
            if listen(socket.number, backlog) != 0 { throw SystemError.last }
            descriptor = fcntl(socket.number, F_DUPFD_CLOEXEC, 3)
            if descriptor < 0 { throw SystemError.last }
        } catch let error as SystemError {
            throw error.failure("cannot listen on \(path)", path: path)
        }
    }

    deinit { closeEverywhere(descriptor) }

    /// True when a process accepts connections there.
    package static func answers(_ path: String) throws -> Bool { try UnixAddress(path).answers() }

    fileprivate static let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)

    private static func clear(_ path: String, _ address: UnixAddress) throws {
        switch FileKind(path) {
        case .missing: return
        case .socket where try !address.answers(): unlink(path)
        case .socket:
            throw Failure(
                .failed, "cannot listen on \(path)", because: "another process answers there",
                next: "stop it first (`convoy down`), or choose another --root")
        default:
            throw Failure(
                .failed, "cannot listen on \(path)", because: "something that is no socket is in the way",
                next: "move \(path) away")
        }
    }
}

struct UnixAddress {
    private let path: String

    init(_ path: String) throws {
        guard path.utf8.count <= ListeningSocket.longestPath else {
            throw Failure(
                .usage, "cannot use the socket path \(path)",
                because: "it has \(path.utf8.count) bytes, and the kernel allows \(ListeningSocket.longestPath)",
                next: "choose a shorter --root")
        }
        self.path = path
    }

    func with<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    func answers() throws -> Bool {
        do {
            let socket = try OwnedDescriptor(socket(AF_UNIX, ListeningSocket.kind, 0))
            if with({ connect(socket.number, $0, $1) }) == 0 { return true }
            let error = SystemError.last
            switch error.code {
            case ECONNREFUSED, ENOENT: return false
            // Its queue is full: busy, but somebody's.
            case EAGAIN: return true
            default: throw error
            }
        } catch let error as SystemError {
            throw error.failure("cannot ask who listens on \(path)", path: path)
        }
    }
}
