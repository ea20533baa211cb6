import Daemons
import Fleet
import Glibc
import NIOCore
import NIOPosix

/// The process that the edge asks about each request. It has no network and no secret: public keys,
/// one policy file, one socket; whatever has to be fetched is fetched by the refresher.
package struct GateServer: Sendable {
    /// Runs until SIGTERM (or SIGINT), then drains and returns. SIGHUP reads the policy again. A
    /// missing or bad policy is no error: the gate runs, refuses everything, and waits for a good one.
    /// SIGUSR1 opens the audit file again. `refresher` is the path of the refresher's socket, if there
    /// is one; without `sessions` those end with the process. Throws a `Failure` when it can't listen.
    package static func run(
        policyFile: String, listener: GateListener, log: AuditLog, refresher: String? = nil,
        sessions: SessionTable? = nil, clock: @escaping @Sendable () -> Double = WallClock.now
    ) async throws {
        enum Event { case reload, reopen, stop }
        let signals = DaemonSignals<Event>([SIGHUP: .reload, SIGUSR1: .reopen, SIGTERM: .stop, SIGINT: .stop])
        defer { signals.restore() }
        let server = try await start(
            policyFile: policyFile, listener: listener, log: log, refresher: refresher, sessions: sessions,
            clock: clock)
        loop: for await signal in signals.stream {
            switch signal {
            case .reload: await server.reload()
            case .reopen: log.reopen()
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

    private let refreshing: RepeatedTask

    /// A running gate without signals, for who has a process of their own to look after.
    package static func start(
        policyFile: String, listener: GateListener, log: AuditLog, refresher: String? = nil,
        patience: TimeAmount = .seconds(2), sessions: SessionTable? = nil,
        clock: @escaping @Sendable () -> Double = WallClock.now
    ) async throws -> GateServer {
        let owners = OwnerJudge(sessions: try sessions ?? SessionTable())
        // One thread decides for more requests than several nginx workers bring. Two wake more often, and the
        // first requests that reach both at once have been seen to crash in the runtime's type metadata.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let shelf = PolicyShelf(file: policyFile, audit: log, link: link(refresher, patience, log, clock))
        // Before listening: no request may see a gate that has not tried to read its policy.
        await shelf.reload()
        await shelf.refreshKeys()
        let roster = ConnectionRoster()
        let decider = GateDecider(shelf: shelf, owners: owners, audit: log, clock: clock)
        do {
            let channel = try await listener.bind(bootstrap(group, roster: roster, decider: decider))
            log.note("listening")
            return GateServer(
                group: group, channel: channel, roster: roster, shelf: shelf, audit: log,
                refreshing: refresh(shelf))
        } catch {
            try? await group.shutdownGracefully()
            if let failure = error as? Failure { throw failure }
            throw Failure(
                .unavailable, "cannot listen for the edge", because: String(describing: error),
                next: "look who holds the gate's socket")
        }
    }

    private static func link(
        _ refresher: String?, _ patience: TimeAmount, _ log: AuditLog, _ clock: @escaping @Sendable () -> Double
    ) -> RefresherLink? {
        guard let refresher else { return nil }
        let client = RefresherClient(socket: refresher, limit: patience)
        return RefresherLink(
            client: client, keys: RefreshedKeys(client: client, audit: log, clock: clock), audit: log, clock: clock)
    }

    private static func refresh(_ shelf: PolicyShelf) -> RepeatedTask {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return loop.scheduleRepeatedAsyncTask(initialDelay: .seconds(10), delay: .seconds(10)) { _ in
            loop.makeFutureWithTask { await shelf.refreshKeys() }
        }
    }

    package func reload() async {
        await shelf.reload()
        // Nobody waits for it: a flip must not take as long as a refresher that hangs.
        Task { await shelf.refreshKeys() }
    }

    func refreshKeys() async { await shelf.refreshKeys() }

    /// Requests that wait for an answer of the refresher.
    var waiterCount: Int { shelf.current?.inquiries.waiterCount ?? 0 }

    package func stop() async {
        refreshing.cancel()
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
                    try channel.pipeline.syncOperations.addHandler(AuthorizeHandler(decider: decider))
                }
            }
    }
}
