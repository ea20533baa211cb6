import NIOCore
import NIOHTTP1

/// One connection of the gate: one question, one answer, closed. Who goes away takes the question
/// along; who dawdles is cut off.
final class RefresherConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case waiting
        case receiving(HTTPRequestHead, [UInt8])
        case working(Task<Void, Never>)
        case closing
    }

    private let routes: RefresherRoutes
    private let patience: TimeAmount
    private var state = State.waiting
    private var cutOff: Scheduled<Void>?

    init(routes: RefresherRoutes, patience: TimeAmount) {
        self.routes = routes
        self.patience = patience
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        cutOff = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        cutOff?.cancel()
        if case .working(let task) = state { task.cancel() }
        state = .closing
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .waiting): state = .receiving(head, [])
        case (.body(let part), .receiving(let head, var body)):
            state = .closing  // So that the bytes are not copied.
            guard body.count + part.readableBytes <= RefresherRoutes.bodyLimit else {
                return write(.reason(.payloadTooLarge, "the question is too long"), context)
            }
            body += part.readableBytesView
            state = .receiving(head, body)
        case (.end, .receiving(let head, let body)):
            cutOff?.cancel()
            work(context, head, body)
        case (.head, .working): context.close(promise: nil)
        default: break
        }
    }

    private func work(_ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ body: [UInt8]) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let task = Task { [routes] in
            let answer = await routes.answer(head.method, head.uri, body)
            loop.execute {
                let (connection, context) = bound.value
                connection.write(answer, context)
            }
        }
        state = .working(task)
    }

    private func write(_ answer: RefresherRoutes.Answer, _ context: ChannelHandlerContext) {
        // Gone meanwhile: nobody is there to tell.
        guard context.channel.isActive else { return }
        state = .closing
        let headers: HTTPHeaders = [
            "Content-Type": "application/json", "Content-Length": String(answer.body.count),
            "Cache-Control": "no-store", "Connection": "close",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
    }
}
