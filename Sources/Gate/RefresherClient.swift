import Admission
import Fleet
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks the refresher over its unix socket: one connection per question, one answer or one fault
/// within `limit`.
struct RefresherClient: Sendable {
    struct Fault: Error, Sendable {
        /// Without anything of a token.
        var reason: String
    }

    struct Keys: Sendable {
        var jwks: JSONValue
        /// In seconds since 1970.
        var fetchedAt: Double
    }

    let socket: String
    /// Never shut down: a question may still be open when the gate has stopped listening.
    private let group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    private let limit: TimeAmount

    init(socket: String, limit: TimeAmount) {
        self.socket = socket
        self.limit = limit
    }

    /// Fails with a `Fault`.
    func keys(of issuer: String, fresh: Bool) -> EventLoopFuture<Keys> {
        let path = "/keys?issuer=" + Self.escaped(issuer) + (fresh ? "&fresh=1" : "")
        return ask(.GET, path, body: nil, sizeLimit: 1 << 20).flatMapThrowing { answer in
            guard case .object(let members)? = answer["jwks"], members["keys"]?.arrayValue != nil,
                let fetchedAt = answer["fetchedAt"]?.numberValue, answer["issuer"] == .string(issuer)
            else { throw Fault(reason: "the refresher's answer is malformed") }
            return Keys(jwks: .object(members), fetchedAt: fetchedAt)
        }
    }

    /// What the issuer says about a token (RFC 7662, 2.2). Fails with a `Fault`.
    func introspect(_ token: String, at issuer: String) -> EventLoopFuture<JSONValue> {
        let question: JSONValue = .object(["issuer": .string(issuer), "token": .string(token)])
        return ask(.POST, "/introspect", body: question, sizeLimit: 64 << 10).flatMapThrowing { answer in
            guard answer["active"]?.boolValue != nil else { throw Fault(reason: "the refresher's answer is malformed") }
            return answer
        }
    }

    private func ask(
        _ method: HTTPMethod, _ path: String, body: JSONValue?, sizeLimit: Int
    ) -> EventLoopFuture<JSONValue> {
        let loop = group.next()
        let promise = loop.makePromise(of: (status: UInt, body: ByteBuffer).self)
        let limit = limit
        let bytes = body.flatMap { try? StableJSON.text($0) }.map { ByteBuffer(string: $0) }
        ClientBootstrap(group: loop).connectTimeout(limit).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let exchange = RefresherExchange(method, path, bytes, sizeLimit: sizeLimit, limit, promise)
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                try channel.pipeline.syncOperations.addHandler(exchange)
            }
        }
        .connect(unixDomainSocketPath: socket).whenFailure { promise.fail($0) }
        return promise.futureResult.flatMapThrowing { answer in
            try Self.read(status: answer.status, Array(buffer: answer.body))
        }
        .flatMapErrorThrowing { error in
            // Never another error's own words: it may quote what was sent.
            throw error as? Fault ?? Fault(reason: "the refresher does not answer")
        }
    }

    private static func read(status: UInt, _ body: [UInt8]) throws(Fault) -> JSONValue {
        guard let answer = try? StrictJSON.parse(body) else {
            throw Fault(reason: "the refresher answered \(status) without JSON")
        }
        switch status {
        case 200: return answer
        case 404: throw Fault(reason: "the refresher does not know the issuer")
        default:
            throw Fault(reason: answer["reason"]?.stringValue ?? "the refresher answered \(status)")
        }
    }

    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension JSONValue {
    fileprivate var numberValue: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}
