import NIOCore

/// Bounds what a request may have sent before its head was whole; sits in front of the decoder, which
/// bounds single fields only.
final class HeadQuota: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    struct Exceeded: Error {}

    /// One read brings up to 64 KiB, of which the end of a request may be the last byte.
    private static let limit = 160 * 1024

    private var received = 0

    /// Whether bytes came after the last whole request.
    var isPartial: Bool { received > 0 }

    func requestEnded() { received = 0 }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += unwrapInboundIn(data).readableBytes
        if received > Self.limit {
            context.fireErrorCaught(Exceeded())
        } else {
            context.fireChannelRead(data)
        }
    }
}
