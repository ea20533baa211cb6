import Fleet
import Glibc
import NIOCore
import NIOPosix

/// Where the gate is asked.
package enum GateListener: Sendable {
    /// A listening socket that was handed over as systemd does it (sd_listen_fds): the first one,
    /// descriptor 3. Whoever handed it over keeps it too, so that a restart refuses no connection.
    case inherited
    /// A listening unix socket that this process already holds.
    case descriptor(Int32)
    /// A unix socket at this path, mode as the umask has it.
    case path(String)

    func bind(_ bootstrap: ServerBootstrap) async throws -> any Channel {
        switch self {
        case .path(let path):
            return try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        case .inherited:
            return try await Self.descriptor(try Self.inheritedSocket()).bind(bootstrap)
        case .descriptor(let descriptor):
            try Self.requireUnixSocket(descriptor)
            return try await bootstrap.withBoundSocket(descriptor).get()
        }
    }

    private static func inheritedSocket() throws -> NIOBSDSocket.Handle {
        guard let count = number("LISTEN_FDS"), count >= 1 else { throw refusal("LISTEN_FDS names no socket") }
        if let owner = number("LISTEN_PID"), owner != Int(getpid()) {
            throw refusal("LISTEN_PID names another process")
        }
        return 3
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
            .usage, "cannot take over the gate's socket", because: why, next: "let the supervisor start the gate")
    }

    private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }
}
