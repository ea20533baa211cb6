import Fleet
import Foundation
import Planning

/// What client and server of the control socket agree on: HTTP/1.1, JSON, one request per
/// connection.
enum ControlProtocol {
    static let version = "1"
    static let versionHeader = "Convoy-Control"
    /// The lease's fencing token; with each call that changes something.
    static let fenceHeader = "Convoy-Fence"
    /// A plan of 64 instances is about 200 kB.
    static let bodyLimit = 8 * 1024 * 1024
    /// Longest long poll that the server agrees to, in seconds.
    static let longestPoll = 300.0

    static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return try encoder.encode(value)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: Data) throws -> Value {
        try JSONDecoder().decode(type, from: bytes)
    }
}

/// What a generation offers; nil when nothing is known of it.
struct OfferDocument: Codable {
    var offer: ReleaseOffer?
}

/// A `Failure` as it crosses the socket.
struct FailureDocument: Codable {
    var code: Int32
    var what: String
    var why: String
    var next: String

    init(_ failure: Failure) {
        code = failure.code.rawValue
        what = failure.what
        why = failure.why
        next = failure.next
    }

    var failure: Failure { Failure(Failure.Code(rawValue: code) ?? .failed, what, because: why, next: next) }
}

extension Failure {
    /// Any error in a shape that people can read; nothing is lost but the type.
    init(anything error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as SpecError:
            self.init(.badSpec, "the specification is refused", because: error.description, next: "correct it")
        case is CancellationError:
            self.init(
                .unavailable, "the supervisor did not finish the request", because: "it is stopping",
                next: "try again when it is up")
        default:
            self.init(
                .failed, "the supervisor failed", because: String(describing: Excerpt(String(describing: error))),
                next: "see the supervisor's log")
        }
    }
}
