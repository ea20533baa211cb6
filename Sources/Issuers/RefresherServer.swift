import Daemons
import Fleet
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#endif

/// The only process with the right to reach issuers; asked by the gate over a unix socket.
package final class RefresherServer: Sendable {
    /// Runs until SIGTERM (or SIGINT). SIGHUP reads the plan again. A missing or bad plan is no error:
    /// the refresher runs, refuses every question, and waits for a good one. Throws a `Failure` when it
    /// can't listen. `listener` nil: the inherited one if there is one, else where the plan says.
    package static func run(
        planFile: String, listener: RefresherListener?, world: RefresherWorld, limits: IssuerLimits = IssuerLimits()
    ) async throws {
        enum Event { case reload, stop }
        let signals = DaemonSignals<Event>([SIGHUP: .reload, SIGTERM: .stop, SIGINT: .stop])
        defer { signals.restore() }
        let server = try await start(planFile: planFile, listener: listener, world: world, limits: limits)
        loop: for await signal in signals.stream {
            switch signal {
            case .reload: await server.reload()
            case .stop: break loop
            }
        }
        await server.stop()
    }

    private static let connectionLimit = 512

    private let channel: any Channel
    private let connections: Connections
    private let refresher: Refresher
    private let listener: RefresherListener
    private let log: @Sendable (String) -> Void

    /// A running refresher without signals. `patience` is how long a question may take to arrive.
    package static func start(
        planFile: String, listener: RefresherListener?, world: RefresherWorld, limits: IssuerLimits = IssuerLimits(),
        patience: Seconds = 10
    ) async throws -> RefresherServer {
        let refresher = Refresher(planFile: planFile, world: world, limits: limits)
        // Before listening: no question may meet a refresher that has not tried to read its plan.
        await refresher.reload()
        let connections = Connections(limit: connectionLimit)
        do {
            let listener = try listener ?? place(refresher)
            let channel = try await listener.bind(bootstrap(refresher, connections, patience))
            world.log("listening")
            return RefresherServer(channel, connections, refresher, listener, world.log)
        } catch {
            await refresher.stop()
            if let failure = error as? Failure { throw failure }
            throw Failure(
                .unavailable, "cannot listen for the gate", because: String(describing: error),
                next: "look who holds the refresher's socket")
        }
    }

    private init(
        _ channel: any Channel, _ connections: Connections, _ refresher: Refresher, _ listener: RefresherListener,
        _ log: @escaping @Sendable (String) -> Void
    ) {
        self.channel = channel
        self.connections = connections
        self.refresher = refresher
        self.listener = listener
        self.log = log
    }

    package func reload() async { await refresher.reload() }

    package func stop() async {
        // The file first: whoever looks for the refresher from now on finds none.
        if case .path(let path) = listener, channel.isActive { unlink(path) }
        try? await channel.close().get()
        await refresher.stop()
        await connections.close(grace: .seconds(1))
        log("stopped")
    }

    private static func place(_ refresher: Refresher) throws(Failure) -> RefresherListener {
        if InheritedSocket.isThere { return .inherited }
        if let path = refresher.listen { return .path(path) }
        throw Failure(
            .usage, "the refresher can't listen", because: "no socket is inherited, named, or in a plan that applies",
            next: "name a --socket")
    }

    private static func bootstrap(
        _ refresher: Refresher, _ connections: Connections, _ patience: Seconds
    ) -> ServerBootstrap {
        let routes = RefresherRoutes(refresher: refresher)
        let wait = TimeAmount.milliseconds(Int64(patience.value * 1000))
        return ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 511)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard connections.add(channel) else { throw ChannelError.operationUnsupported }
                    // No pipelining help: it would stop reading and so miss a client's leaving.
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: false, withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(
                        RefresherConnection(routes: routes, patience: wait))
                }
            }
    }
}

/// All open connections: counted, so that they stay few, and closed at the end.
private final class Connections: Sendable {
    private let limit: Int
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    init(limit: Int) { self.limit = limit }

    func add(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdmitted = channels.withLock { channels in
            guard channels.count < limit else { return false }
            channels[id] = channel
            return true
        }
        if isAdmitted {
            channel.closeFuture.whenComplete { [self] _ in channels.withLock { _ = $0.removeValue(forKey: id) } }
        }
        return isAdmitted
    }

    /// Answers on their way get `grace` to arrive.
    func close(grace: TimeAmount) async {
        let open = channels.withLock { Array($0.values) }
        for channel in open {
            let cut = channel.eventLoop.scheduleTask(in: grace) { channel.close(promise: nil) }
            channel.closeFuture.whenComplete { _ in cut.cancel() }
        }
        for channel in open { try? await channel.closeFuture.get() }
    }
}
