import Daemons
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
            return try await bootstrap.withBoundSocket(InheritedSocket(of: "gate").descriptor).get()
        case .descriptor(let descriptor):
            return try await bootstrap.withBoundSocket(InheritedSocket(descriptor, of: "gate").descriptor).get()
        }
    }
}
