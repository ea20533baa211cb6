import NIOCore
import NIOHTTP1

/// One question and its answer. The promise is always kept: at the latest when the channel goes.
final class RefresherExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    struct Broken: Error {}

    private let head: HTTPRequestHead
    private let question: ByteBuffer?
    private let sizeLimit: Int
    private let limit: TimeAmount
    private let promise: EventLoopPromise<(status: UInt, body: ByteBuffer)>
    private var status: UInt = 0
    private var body = ByteBuffer()
    private var deadline: Scheduled<Void>?

    init(
        _ method: HTTPMethod, _ path: String, _ question: ByteBuffer?, sizeLimit: Int, _ limit: TimeAmount,
        _ promise: EventLoopPromise<(status: UInt, body: ByteBuffer)>
    ) {
        var headers: HTTPHeaders = ["Host": "refresher", "Connection": "close"]
        if let question {
            headers.add(name: "Content-Type", value: "application/json")
            headers.add(name: "Content-Length", value: String(question.readableBytes))
        }
        head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: headers)
        self.question = question
        self.sizeLimit = sizeLimit
        self.limit = limit
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: limit) {
            let (handler, context) = bound.value
            handler.fail(context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        promise.fail(Broken())
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if let question { context.write(wrapOutboundOut(.body(.byteBuffer(question))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = UInt(head.status.code)
        case .body(var part):
            body.writeBuffer(&part)
            if body.readableBytes > sizeLimit { fail(context) }
        case .end:
            promise.succeed((status, body))
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(context) }

    private func fail(_ context: ChannelHandlerContext) {
        promise.fail(Broken())
        context.close(promise: nil)
    }
}
