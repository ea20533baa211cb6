import Fleet
import NIOCore
import NIOHTTP1
import NIOPosix

/// The process that the edge asks about each request. It has no network and no secret: public keys,
/// one policy file, one socket.
package struct GateServer: Sendable {
    /// Runs until SIGTERM (or SIGINT), then drains and returns. SIGHUP reads the policy again. A
    /// missing or bad policy is no error: the gate runs, refuses everything, and waits for a good one.
    /// Throws a `Failure` when it can't listen.
    package static func run(
        policyFile: String, listener: GateListener, log: AuditLog,
        clock: @escaping @Sendable () -> Double = WallClock.now
    ) async throws {
        let signals = GateSignals()
        defer { signals.restore() }
        let server = try await start(policyFile: policyFile, listener: listener, log: log, clock: clock)
        loop: for await signal in signals.stream {
            switch signal {
            case .reload: await server.reload()
            case .stop: break loop
            }
        }
        await server.stop()
    }

    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let roster: ConnectionRoster
    private let shelf: PolicyShelf
    private let audit: AuditLog

    /// A running gate without signals, for who has a process of their own to look after.
    package static func start(
        policyFile: String, listener: GateListener, log: AuditLog,
        clock: @escaping @Sendable () -> Double = WallClock.now
    ) async throws -> GateServer {
        let shelf = PolicyShelf(file: policyFile, audit: log)
        // Before listening: no request may see a gate that has not tried to read its policy.
        await shelf.reload()
        let roster = ConnectionRoster()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let decider = GateDecider(shelf: shelf, audit: log, clock: clock)
        do {
            let channel = try await listener.bind(bootstrap(group, roster: roster, decider: decider))
            log.note("listening")
            return GateServer(group: group, channel: channel, roster: roster, shelf: shelf, audit: log)
        } catch {
            try? await group.shutdownGracefully()
            if let failure = error as? Failure { throw failure }
            throw Failure(
                .unavailable, "cannot listen for the edge", because: String(describing: error),
                next: "look who holds the gate's socket")
        }
    }

    package func reload() async { await shelf.reload() }

    package func stop() async {
        try? await channel.close().get()
        await roster.drain(deadline: .seconds(5))
        try? await group.shutdownGracefully()
        audit.note("stopped")
        await audit.flush()
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup, roster: ConnectionRoster, decider: GateDecider
    ) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 511)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                roster.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let quota = HeadQuota()
                    try channel.pipeline.syncOperations.addHandlers(
                        quota, ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)),
                        AuthorizeHandler(decider: decider, quota: quota))
                }
            }
    }
}
