import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// An issuer on 127.0.0.1 that answers as a test wrote it down, and remembers what it was asked.
final class ScriptedIssuer: Sendable {
    enum Reply: Sendable {
        case answer(Int, [String: String] = [:], body: String)
        /// Takes the question and says nothing.
        case silence
        /// Begins an answer and leaves it at that.
        case stall
        /// A body that never ends.
        case endless
        case hangUp

        static func json(_ text: String, _ headers: [String: String] = [:]) -> Reply {
            .answer(200, headers.merging(["Content-Type": "application/json"]) { $1 }, body: text)
        }
    }

    struct Question: Sendable {
        var line: String
        var headers: HTTPHeaders
        var body: String
    }

    private struct Waiting: Sendable {
        var count: Int
        var path: String
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State: Sendable {
        var replies: [String: Reply] = [:]
        var questions: [Question] = []
        var waiting: [Waiting] = []
    }

    let origin: String
    private let channel: any Channel
    private let state: Shared<State>

    final class Shared<Value: Sendable>: Sendable {
        let mutex: Mutex<Value>
        init(_ value: Value) { mutex = Mutex(value) }
    }

    private init(origin: String, channel: any Channel, state: Shared<State>) {
        self.origin = origin
        self.channel = channel
        self.state = state
    }

    /// With `certificate`: over TLS, and reached as `host`.
    static func start(_ certificate: ThrowawayCA.Leaf? = nil, host: String = "127.0.0.1") async throws -> ScriptedIssuer
    {
        let state = Shared(State())
        let tls = try certificate.map { leaf in
            try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMFile(leaf.certificate).map { .certificate($0) },
                    privateKey: .privateKey(try NIOSSLPrivateKey(file: leaf.key, format: .pem))))
        }
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Answering(state: state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        let origin = "\(certificate == nil ? "http" : "https")://\(host):\(port)"
        return ScriptedIssuer(origin: origin, channel: channel, state: state)
    }

    func stop() async { try? await channel.close().get() }

    func script(_ path: String, _ reply: Reply) { state.mutex.withLock { $0.replies[path] = reply } }

    func questions(_ path: String) -> [Question] {
        state.mutex.withLock { $0.questions.filter { Self.path($0) == path } }
    }

    /// Returns once it was asked for `path` so many times.
    func untilAsked(_ path: String, times count: Int) async {
        await withCheckedContinuation { continuation in
            let isDone = state.mutex.withLock { state in
                let done = state.questions.count { Self.path($0) == path } >= count
                if !done { state.waiting.append(Waiting(count: count, path: path, continuation: continuation)) }
                return done
            }
            if isDone { continuation.resume() }
        }
    }

    private static func path(_ question: Question) -> String {
        String(question.line.split(separator: " ").last ?? "")
    }

    private static func record(_ question: Question, in shared: Shared<State>) -> Reply {
        let (reply, released) = shared.mutex.withLock { state in
            state.questions.append(question)
            let paths = state.questions.map(Self.path)
            let due = state.waiting.filter { waiting in paths.count { $0 == waiting.path } >= waiting.count }
            state.waiting.removeAll { waiting in paths.count { $0 == waiting.path } >= waiting.count }
            return (state.replies[Self.path(question)] ?? .answer(404, body: "nothing here"), due)
        }
        for waiting in released { waiting.continuation.resume() }
        return reply
    }

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let state: Shared<State>
        private var head: HTTPRequestHead?
        private var body = ""

        init(state: Shared<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = ""
            case .body(let part): body += String(buffer: part)
            case .end:
                guard let head else { return }
                let question = Question(line: "\(head.method) \(head.uri)", headers: head.headers, body: body)
                reply(ScriptedIssuer.record(question, in: state), context)
            }
        }

        private func reply(_ reply: Reply, _ context: ChannelHandlerContext) {
            switch reply {
            case .silence: break
            case .hangUp: context.close(promise: nil)
            case .answer(let status, let fields, let body):
                var headers = HTTPHeaders(fields.map { ($0.key, $0.value) })
                headers.add(name: "Content-Length", value: String(body.utf8.count))
                send(status, headers, context)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .stall:
                send(200, ["Content-Length": "100"], context)
                context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "{")))), promise: nil)
            case .endless:
                send(200, [:], context)
                pour(context)
            }
        }

        private func send(_ status: Int, _ headers: HTTPHeaders, _ context: ChannelHandlerContext) {
            let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
        }

        private func pour(_ context: ChannelHandlerContext) {
            let chunk = ByteBuffer(repeating: UInt8(ascii: " "), count: 65536)
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(chunk)))).whenSuccess {
                let (handler, context) = bound.value
                handler.pour(context)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
