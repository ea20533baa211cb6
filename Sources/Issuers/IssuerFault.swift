import AsyncHTTPClient
import Fleet
import NIOCore
import NIOPosix
import NIOSSL
import Planning

/// Why an issuer could not be asked, or its answer not be used: for the log and for whoever waits.
/// Never shows a token, a client secret or what an issuer wrote about one.
struct IssuerFault: Error, Sendable, Equatable, CustomStringConvertible {
    let description: String
    /// Nobody answered at all: another path on the same host will do no better.
    let isTransport: Bool

    init(_ reason: String, isTransport: Bool = false) {
        description = reason
        self.isTransport = isTransport
    }

    /// `host` is where the request went.
    init(_ error: any Error, host: String) {
        if let fault = error as? IssuerFault {
            self = fault
        } else {
            self.init("\(host): \(Self.sentence(error))", isTransport: true)
        }
    }

    private static func sentence(_ error: any Error) -> String {
        switch error {
        case is CancellationError: return "given up"
        case let error as HTTPClientError:
            switch error {
            case .remoteConnectionClosed: return "the connection was closed without an answer"
            case .connectTimeout, .deadlineExceeded, .readTimeout, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout:
                return "no answer in time"
            // The long form would show header values.
            default: return error.shortDescription
            }
        default: return sentence(String(describing: error))
        }
    }

    private static func sentence(_ text: String) -> String {
        for (sign, sentence) in [
            ("failedToValidateHostname", "its certificate is for another name"),
            ("CERTIFICATE_VERIFY_FAILED", untrusted), ("unableToValidateCertificate", untrusted),
            ("handshakeFailed", "the TLS handshake failed"), ("onnection refused", "connection refused"),
            ("onnection reset", "connection reset"), ("unexpected time", "the connection broke off"),
            ("HTTPParserError", "the answer is not HTTP"), ("roken pipe", "connection reset"),
            ("timed out", "no answer in time"), ("SocketAddressError", "its name was not found"),
            ("getaddrinfo", "its name was not found"),
        ] where text.contains(sign) { return sentence }
        return String(describing: Excerpt(text))
    }

    private static let untrusted = "its certificate is not trusted here (a private CA is named as `ca` in the plan)"
}
