import Daemons
import Fleet
import NIOCore
import NIOHTTP1
import NIOPosix
import Ports
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// Serves a supervisor's control on a unix socket, to its own user and root only.
package final class ControlServer: Sendable {
    package enum Listener: Sendable, Equatable {
        /// Created with mode 0600, removed at the end.
        case path(String)
        /// A bound unix socket, from systemd or from an earlier supervisor; owned by the server now.
        case inherited(Int32)
    }

    private let listener: Listener
    private let channel: any Channel
    private let open: OpenConnections

    /// Listens when it returns. `leases` is asked before each change; `patience` is how long a request may take to
    /// arrive.
    package static func start(
        _ control: any FleetControl, drift: (any DriftControl)? = nil, on listener: Listener,
        guardedBy leases: any LeaseGuard,
        patience: Seconds = 10
    ) async throws -> ControlServer {
        let descriptor: Int32 =
            switch listener {
            case .path(let path): try SocketFile.bind(path, mode: 0o600)
            case .inherited(let descriptor): descriptor
            }
        let open = OpenConnections()
        let routes = ControlRoutes(control: control, leases: leases, drift: drift)
        let wait = TimeAmount.milliseconds(Int64(patience.value * 1000))
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.admitTrustedPeer().flatMapThrowing {
                    open.add(channel)
                    // No pipelining help: it would stop reading and so miss a client's leaving.
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(
                        ControlConnection(routes: routes, patience: wait))
                }
            }
        let channel = try await bootstrap.withBoundSocket(descriptor).get()
        return ControlServer(listener, channel, open)
    }

    private init(_ listener: Listener, _ channel: any Channel, _ open: OpenConnections) {
        self.listener = listener
        self.channel = channel
        self.open = open
    }

    /// Returns when the server was stopped; stops it when the task is cancelled.
    package func run() async {
        await withTaskCancellationHandler {
            try? await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        await stop()
    }

    /// No new connections; answers on their way get `grace` to arrive, then all is closed.
    package func stop(grace: Seconds = 2) async {
        // The file first: whoever looks for the supervisor from now on finds none.
        if case .path(let path) = listener, channel.isActive { unlink(path) }
        try? await channel.close()
        await open.drain(grace)
    }

    /// Connections that are open now.
    package var connections: Int { open.count }
}

extension Channel {
    fileprivate func admitTrustedPeer() -> EventLoopFuture<Void> {
        guard let provider = self as? any SocketOptionProvider else {
            return eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        let peer: EventLoopFuture<PeerCredentials> = provider.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        return peer.flatMapThrowing { peer in
            guard peer.isTrusted else { throw UntrustedPeer() }
        }
    }
}

private struct UntrustedPeer: Error {}

private final class OpenConnections: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    var count: Int { channels.withLock(\.count) }

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        channels.withLock { $0[id] = channel }
        channel.closeFuture.whenComplete { [weak self] _ in
            self?.channels.withLock { _ = $0.removeValue(forKey: id) }
        }
    }

    func drain(_ grace: Seconds) async {
        let open = channels.withLock { Array($0.values) }
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let cutOff = loop.scheduleTask(in: .milliseconds(Int64(grace.value * 1000))) {
            for channel in open { channel.close(promise: nil) }
        }
        for channel in open { try? await channel.closeFuture.get() }
        cutOff.cancel()
    }
}
