import Fleet
import Foundation
import NIOCore
import NIOHTTP1

/// One connection to the control socket: one request, one answer, closed. A client that goes away
/// takes its question with it; one that dawdles is cut off.
final class ControlConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case waiting
        case receiving(HTTPRequestHead, ByteBuffer)
        case working(Task<Void, Never>, ControlRequest)
        case closing
    }

    private let routes: ControlRoutes
    private let patience: TimeAmount
    private var state = State.waiting
    private var cutOff: Scheduled<Void>?

    init(routes: ControlRoutes, patience: TimeAmount) {
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
        if case .working(let task, let request) = state, request.endsWithItsClient { task.cancel() }
        state = .closing
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .waiting): state = .receiving(head, ByteBuffer())
        case (.body(let part), .receiving(let head, var body)):
            state = .closing  // So that the buffer is not copied.
            guard body.readableBytes + part.readableBytes <= ControlProtocol.bodyLimit else {
                return refuse(context)
            }
            body.writeImmutableBuffer(part)
            state = .receiving(head, body)
        case (.end, .receiving(let head, let body)):
            cutOff?.cancel()
            work(context, head, body)
        case (.head, .working): context.close(promise: nil)
        default: break
        }
    }

    private func work(_ context: ChannelHandlerContext, _ head: HTTPRequestHead, _ body: ByteBuffer) {
        let request = ControlRequest(
            method: head.method, target: head.uri, version: head.headers.first(name: ControlProtocol.versionHeader),
            fence: head.headers.first(name: ControlProtocol.fenceHeader),
            body: Data(body.readableBytesView))
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let routes = self.routes
        let task = Task {
            let response = await routes.respond(to: request)
            loop.execute {
                let (connection, context) = bound.value
                connection.write(response, context)
            }
        }
        state = .working(task, request)
    }

    private func refuse(_ context: ChannelHandlerContext) {
        let failure = Failure(
            .usage, "the supervisor refuses the request",
            because: "its body is longer than \(ControlProtocol.bodyLimit / 1024 / 1024) MiB", next: "")
        write(.failure(failure, .payloadTooLarge), context)
    }

    private func write(_ response: ControlResponse, _ context: ChannelHandlerContext) {
        // Gone meanwhile: nobody is there to tell.
        guard context.channel.isActive else { return }
        state = .closing
        let headers: HTTPHeaders = [
            "Content-Type": "application/json", "Content-Length": String(response.body.count),
            "Connection": "close", ControlProtocol.versionHeader: ControlProtocol.version,
        ]
        let head = HTTPResponseHead(version: .http1_1, status: response.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            bound.value.close(promise: nil)
        }
    }
}
