import Admission
import NIOCore
import NIOHTTP1

/// One connection from the edge. Decisions take no waiting, so answers leave in the order of the
/// requests; they are written out once per read, however many requests that read held.
final class AuthorizeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    /// More than the edge lets a client's headers be (4 x 16 KiB), with room for the edge's own: so its
    /// limit comes first, and a client is told 400 by it.
    private static let headLimit = 96 * 1024
    private static let partialDeadline = TimeAmount.seconds(10)

    private let decider: GateDecider
    private let quota: HeadQuota
    private var head: HTTPRequestHead?
    private var output = ByteBuffer()
    private var isDraining = false
    private var isClosed = false
    private var deadline: Scheduled<Void>?

    init(decider: GateDecider, quota: HeadQuota) {
        self.decider = decider
        self.quota = quota
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isClosed { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            let size = head.headers.reduce(head.uri.utf8.count) { $0 + $1.name.utf8.count + $1.value.utf8.count }
            if size > Self.headLimit {
                answer(GateAnswer(status: 403, headers: [("X-Convoy-Reason", "request")]), closing: true)
            } else {
                self.head = head
            }
        case .body:
            // The contract has no bodies; one that comes anyway is not read to its end.
            answer(GateAnswer(status: 400), closing: true)
        case .end:
            quota.requestEnded()
            deadline?.cancel()
            deadline = nil
            guard let head else { return }
            self.head = nil
            answer(decider.answer(head), closing: isDraining || !head.isKeepAlive)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        writeOut(context)
        if quota.isPartial, !isClosed, deadline == nil {
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            deadline = context.eventLoop.scheduleTask(in: Self.partialDeadline) {
                let (handler, context) = bound.value
                handler.finish(context)
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is DrainEvent else { return context.fireUserInboundEventTriggered(event) }
        isDraining = true
        if !quota.isPartial { finish(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isClosed, error is HTTPParserError || error is HeadQuota.Exceeded {
            answer(GateAnswer(status: 400), closing: true)
            writeOut(context)
        } else {
            finish(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
        context.fireChannelInactive()
    }

    private func answer(_ answer: GateAnswer, closing: Bool) {
        if isClosed { return }
        answer.write(to: &output, closing: closing)
        isClosed = closing
    }

    private func writeOut(_ context: ChannelHandlerContext) {
        if output.readableBytes > 0 {
            context.writeAndFlush(wrapOutboundOut(output), promise: nil)
            // A fresh buffer: the channel may still hold the one just written.
            output = context.channel.allocator.buffer(capacity: 512)
        }
        // Who asks faster than they read is not our nginx, and must not fill our memory.
        if isClosed || !context.channel.isWritable { finish(context) }
    }

    private func finish(_ context: ChannelHandlerContext) {
        isClosed = true
        deadline?.cancel()
        deadline = nil
        context.close(promise: nil)
    }
}

/// Sent down a connection's pipeline: answer what has begun, then close.
struct DrainEvent: Sendable {}
