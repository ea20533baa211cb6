import AsyncHTTPClient
import Planning
import Ports

/// A connection that failed, as opposed to an answer that disappoints: no other era will fare better.
struct TransportFault: Error, Sendable, Equatable, CustomStringConvertible {
    var description: String

    static func translate(_ error: any Error) -> any Error {
        switch error {
        case is ProbeFault, is TransportFault, is CancellationError: error
        case let error as HTTPClientError: TransportFault(description: sentence(error))
        default: TransportFault(description: sentence("\(type(of: error)): \(error)"))
        }
    }

    private static let closed = "the server closed the connection without an answer"

    private static func sentence(_ error: HTTPClientError) -> String {
        switch error {
        case .remoteConnectionClosed: closed
        case .connectTimeout: "the connection was not accepted in time"
        case .invalidURL, .emptyHost, .emptyScheme: "the endpoint is not a URL"
        // The long form would show header values.
        default: "HTTP client: \(error.shortDescription)"
        }
    }

    private static func sentence(_ text: String) -> String {
        for (sign, sentence) in [
            ("unexpected time", closed), ("onnection refused", "connection refused"),
            ("onnection reset", "connection reset"),
            ("roken pipe", "connection reset"), ("HTTPParserError", "not HTTP"),
        ] where text.contains(sign) { return sentence }
        return String(describing: Excerpt(text))
    }
}
