import Admission
import NIOCore

/// One connection from the edge. Most decisions take no waiting, and their answers are written out once
/// per read, however many requests that read held; behind one that waits, all queue up in their order.
final class AuthorizeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// More than the edge lets a client's headers be (4 x 16 KiB), with room for the edge's own: so its
    /// limit comes first, and a client is told 400 by it.
    private static let headLimit = 96 * 1024
    /// One read brings up to 64 KiB, of which the end of a request may be the last byte.
    private static let inputLimit = headLimit + 64 * 1024
    private static let partialDeadline = TimeAmount.seconds(10)
    /// Answers that may queue up. The edge asks one thing at a time on each connection.
    private static let queueLimit = 64

    private let decider: GateDecider
    /// What came after the last whole request.
    private var input: ByteBuffer?
    private var output = ByteBuffer()
    private var queue = AnswerQueue()
    private var isDraining = false
    /// Nothing is read any more; the connection goes with its last answer.
    private var isClosed = false
    private var deadline: Scheduled<Void>?

    init(decider: GateDecider) { self.decider = decider }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isClosed { return }
        var bytes = unwrapInboundIn(data)
        if var earlier = input {
            input = nil
            earlier.writeBuffer(&bytes)
            bytes = earlier
        }
        do throws(QuestionReader.Malformed) {
            while !isClosed, bytes.readableBytes > 0 {
                guard let question = try Self.question(in: bytes) else { break }
                bytes.moveReaderIndex(forwardBy: question.size)
                take(question, context)
            }
            if bytes.readableBytes > Self.inputLimit { throw QuestionReader.Malformed() }
        } catch {
            answer(GateAnswer(status: 400), closing: true)
        }
        if bytes.readableBytes > 0, !isClosed {
            input = bytes
        } else {
            deadline?.cancel()
            deadline = nil
        }
    }

    private static func question(in bytes: ByteBuffer) throws(QuestionReader.Malformed) -> Question? {
        let result: Result<Question?, QuestionReader.Malformed> = bytes.withUnsafeReadableBytes { bytes in
            do throws(QuestionReader.Malformed) {
                return .success(try QuestionReader.first(in: bytes))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private func take(_ question: Question, _ context: ChannelHandlerContext) {
        guard question.size <= Self.headLimit else {
            return answer(GateAnswer(status: 403, headers: [("X-Convoy-Reason", "request")]), closing: true)
        }
        let closing = isDraining || question.isLast
        switch decider.reply(to: question, on: context.eventLoop) {
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
        if input != nil, !isClosed, deadline == nil {
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
        if input == nil, queue.isEmpty { finish(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish(context) }

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
            // A fresh buffer where the channel still holds the one just written.
            output.clear(minimumCapacity: 512)
        }
        let isOver = queue.isEmpty && (isClosed || isDraining && input == nil)
        // Who asks faster than they read is not our nginx either.
        if isOver || !context.channel.isWritable { finish(context) }
    }

    private func finish(_ context: ChannelHandlerContext) {
        isClosed = true
        input = nil
        deadline?.cancel()
        deadline = nil
        queue.abandon()
        context.close(promise: nil)
    }
}

/// Sent down a connection's pipeline: answer what has begun, then close.
struct DrainEvent: Sendable {}
