import NIOCore
import Synchronization

/// All open connections, so that they can be told to drain.
final class ConnectionRoster: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        channels.withLock { $0[id] = channel }
        channel.closeFuture.whenComplete { [self] _ in channels.withLock { $0[id] = nil } }
    }

    /// Each answers what it has begun, then closes; who has not done so after `deadline` is cut.
    func drain(deadline: TimeAmount) async {
        let open = channels.withLock { Array($0.values) }
        for channel in open {
            channel.pipeline.fireUserInboundEventTriggered(DrainEvent())
            let cut = channel.eventLoop.scheduleTask(in: deadline) { channel.close(promise: nil) }
            channel.closeFuture.whenComplete { _ in cut.cancel() }
        }
        for channel in open { try? await channel.closeFuture.get() }
    }
}
