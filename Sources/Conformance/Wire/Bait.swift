import NIOCore
import NIOPosix
import Synchronization

/// A key server on loopback that forged tokens point at. Whoever fetches from it can be led by a stranger.
package final class Bait: Sendable {
    package let url: String
    private let channel: any Channel
    private let count: Counter

    private init(_ channel: any Channel, port: Int, count: Counter) {
        self.channel = channel
        self.count = count
        url = "http://127.0.0.1:\(port)/keys"
    }

    /// - Parameter document: what it answers everything with, a JWKS.
    package static func start(_ document: String) async throws -> Bait {
        let count = Counter()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(BaitHandler(document, count))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return Bait(channel, port: channel.localAddress?.port ?? 0, count: count)
    }

    /// How often somebody asked.
    package var bites: Int { count.value.withLock { $0 } }

    package func stop() async { try? await channel.close() }

    fileprivate final class Counter: Sendable {
        let value = Mutex(0)
    }
}

private final class BaitHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let document: String
    private let count: Bait.Counter

    init(_ document: String, _ count: Bait.Counter) {
        self.document = document
        self.count = count
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        count.value.withLock { $0 += 1 }
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            + "Content-Length: \(document.utf8.count)\r\n\r\n\(document)"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
