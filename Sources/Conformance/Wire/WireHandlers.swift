import Fleet
import NIOCore
import NIOSSL
import NIOTLS

/// Gathers what comes until patience ends, then closes.
final class ExchangeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    /// No edge answers with more.
    private static let sizeLimit = 8 << 20

    private let patience: Patience
    private let promise: EventLoopPromise<Received>
    private var bytes: [UInt8] = []
    private var fault: (any Error)?
    private var limit: Scheduled<Void>?
    private var quiet: Scheduled<Void>?
    private var isDone = false

    init(_ patience: Patience, _ promise: EventLoopPromise<Received>) {
        self.patience = patience
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        limit = schedule(patience.limit, context, .limit)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytesView
        quiet?.cancel()
        if let time = patience.quiet { quiet = schedule(time, context, .quiet) }
        if bytes.count > Self.sizeLimit { finish(context, .limit) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if patience.enough(bytes) { finish(context, .satisfied) }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(context, .closed)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { finish(context, .closed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset or a TLS connection cut short ends the exchange like a close; TLS that never came about
        // is no exchange.
        if bytes.isEmpty, error is NIOSSLError || error is NIOSSLExtraError || error is BoringSSLError { fault = error }
        finish(context, .closed)
    }

    private func schedule(
        _ time: Seconds, _ context: ChannelHandlerContext, _ end: Received.End
    ) -> Scheduled<Void> {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: .milliseconds(Int64(time.value * 1000))) {
            let (handler, context) = bound.value
            handler.finish(context, end)
        }
    }

    private func finish(_ context: ChannelHandlerContext, _ end: Received.End) {
        if isDone { return }
        isDone = true
        limit?.cancel()
        quiet?.cancel()
        if let fault { promise.fail(fault) } else { promise.succeed(Received(bytes: bytes, end: end)) }
        context.close(promise: nil)
    }
}

/// Waits for the end of a TLS handshake, whichever way it ends.
final class HandshakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let promise: EventLoopPromise<String?>
    private var limit: Scheduled<Void>?
    private var isDone = false

    init(_ promise: EventLoopPromise<String?>) { self.promise = promise }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        limit = context.eventLoop.scheduleTask(in: .seconds(8)) {
            let (handler, context) = bound.value
            handler.finish(context, "the handshake did not end")
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { finish(context, nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(context, "\(error)")
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(context, "the connection was closed during the handshake")
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { finish(context, "the connection was closed") }

    private func finish(_ context: ChannelHandlerContext, _ reason: String?) {
        if isDone { return }
        isDone = true
        limit?.cancel()
        promise.succeed(reason)
        context.close(promise: nil)
    }
}
