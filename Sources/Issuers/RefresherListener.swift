import Daemons
import NIOCore
import NIOPosix

/// Where the refresher is asked.
package enum RefresherListener: Sendable, Equatable {
    /// Handed over as systemd does it (sd_listen_fds): the first one, descriptor 3.
    case inherited
    /// A unix socket at this path, mode 0660; removed at the end.
    case path(String)

    func bind(_ bootstrap: ServerBootstrap) async throws -> any Channel {
        let descriptor =
            switch self {
            case .path(let path): try SocketFile.bind(path, mode: 0o660)
            case .inherited: try InheritedSocket(of: "refresher").descriptor
            }
        return try await bootstrap.withBoundSocket(descriptor).get()
    }
}
