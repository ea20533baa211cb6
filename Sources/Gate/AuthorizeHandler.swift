import Admission
import NIOCore
import NIOHTTP1

/// One connection from the edge. Most decisions take no waiting, and their answers are written out once
/// per read, however many requests that read held; behind one that waits, all queue up in their order.
final class AuthorizeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    /// More than the edge lets a client's headers be (4 x 16 KiB), with room for the edge's own: so its
    /// limit comes first, and a client is told 400 by it.
    private static let headLimit = 96 * 1024
    private static let partialDeadline = TimeAmount.seconds(10)
    /// Answers that may queue up. The edge asks one thing at a time on each connection.
    private static let queueLimit = 64

    private let decider: GateDecider
    private let quota: HeadQuota
    private var head: HTTPRequestHead?
    private var output = ByteBuffer()
    private var queue = AnswerQueue()
    private var isDraining = false
    /// Nothing is read any more; the connection goes with its last answer.
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
            decide(head, context)
        }
    }

    private func decide(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let closing = isDraining || !head.isKeepAlive
        switch decider.reply(to: head, on: context.eventLoop) {
        case .now(let answer): self.answer(answer, closing: closing)
        case .later(let future, let leave):
            isClosed = closing
            let number = queue.appendWaiting(closing: closing, leave: leave)
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            future.whenSuccess { answer in
                let (handler, context) = bound.value
                handler.queue.fill(number, with: answer)
                handler.writeOut(context)
            }
        }
        // Who asks faster than they are answered is not our nginx, and must not fill our memory.
        if queue.count > Self.queueLimit { finish(context) }
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
        if !quota.isPartial, queue.isEmpty { finish(context) }
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
        queue.abandon()
        context.fireChannelInactive()
    }

    private func answer(_ answer: GateAnswer, closing: Bool) {
        if isClosed { return }
        if queue.isEmpty {
            answer.write(to: &output, closing: closing)
        } else {
            queue.append(answer, closing: closing)
        }
        isClosed = closing
    }

    private func writeOut(_ context: ChannelHandlerContext) {
        queue.write(to: &output)
        if output.readableBytes > 0 {
            context.writeAndFlush(wrapOutboundOut(output), promise: nil)
            // A fresh buffer: the channel may still hold the one just written.
            output = context.channel.allocator.buffer(capacity: 512)
        }
        let isOver = queue.isEmpty && (isClosed || isDraining && !quota.isPartial)
        // Who asks faster than they read is not our nginx either.
        if isOver || !context.channel.isWritable { finish(context) }
    }

    private func finish(_ context: ChannelHandlerContext) {
        isClosed = true
        deadline?.cancel()
        deadline = nil
        queue.abandon()
        context.close(promise: nil)
    }
}

/// Sent down a connection's pipeline: answer what has begun, then close.
struct DrainEvent: Sendable {}
