import Fleet
import NIOCore
import NIOPosix
import Testing

@testable import Conformance

@Suite struct WireTests {
    /// Answers everything with these bytes, then closes or stays.
    private func withServer<T>(
        _ answer: String, closing: Bool, _ body: (NIOWire) async throws -> T
    ) async throws -> T {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Parrot(answer, closing: closing))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let result: Result<T, any Error>
        do {
            result = .success(
                try await body(NIOWire(address: "127.0.0.1", port: server.localAddress?.port ?? 0, tls: nil)))
        } catch { result = .failure(error) }
        try await server.close()
        return try result.get()
    }

    @Test("an exchange ends when enough has come, when the other side closes, when it falls silent, at the limit")
    func ends() async throws {
        let answer = "HTTP/1.1 204 No\r\n\r\n"
        let ends = try await withServer(answer, closing: false) { wire in
            [
                try await wire.exchange([1], Patience(limit: 60) { !$0.isEmpty }).end,
                try await wire.exchange([1], Patience(limit: 10, quiet: 0.05)).end,
                try await wire.exchange([1], Patience(limit: 0.2)).end,
            ]
        }
        #expect(ends == [.satisfied, .quiet, .limit])
        let closed = try await withServer(answer, closing: true) { try await $0.exchange([1], Patience(limit: 60)) }
        #expect(closed == Received(bytes: Array(answer.utf8), end: .closed))
    }

    @Test("nobody there is a wire fault that names the address")
    func nobody() async throws {
        let port = try await withServer("", closing: true) { _ in 1 }
        await #expect(throws: WireFault.self) {
            try await NIOWire(address: "127.0.0.1", port: port, tls: nil).exchange([1], Patience(limit: 1))
        }
    }

    @Test("a TLS client that meets plain HTTP says why there is no handshake")
    func plain() async throws {
        let reason = try await withServer("HTTP/1.1 400 Bad\r\n\r\n", closing: true) { wire in
            try await wire.withTLS.handshake(.v12, verifyingName: false)
        }
        #expect(reason != nil)
    }

    @Test("whoever follows a bait is counted")
    func bait() async throws {
        let bait = try await Bait.start("{}")
        let url = try EndpointURL(bait.url)
        let wire = NIOWire(address: url.address, port: url.port, tls: nil)
        let received = try await wire.exchange(Array("GET /keys HTTP/1.1\r\n\r\n".utf8), Patience(limit: 60))
        await bait.stop()
        #expect(AnswerReader.answers(in: received.bytes).first?.text == "{}")
        #expect(bait.bites == 1)
    }
}

extension NIOWire {
    fileprivate var withTLS: NIOWire { NIOWire(address: address, port: port, tls: TLS(name: "tiny.example")) }
}

private final class Parrot: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let answer: String
    private let closing: Bool

    init(_ answer: String, closing: Bool) {
        self.answer = answer
        self.closing = closing
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        if closing { context.close(promise: nil) }
    }
}
