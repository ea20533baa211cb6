import AsyncHTTPClient
import Fleet
import Foundation
import NIOCore
import NIOHTTP1
import Planning

/// The supervisor's own socket, on this machine.
struct SocketWay: ControlWay {
    private let path: String
    private let tenure: Tenure

    init(_ path: String) {
        self.path = path
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.maximumUsesPerConnection = 1
        tenure = Tenure(HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration))
    }

    /// A verb that ends by an error does not get to `close()`; the client must not mind.
    private final class Tenure: Sendable {
        let client: HTTPClient

        init(_ client: HTTPClient) { self.client = client }

        deinit { client.shutdown { _ in } }
    }

    func close() async { try? await tenure.client.shutdown() }

    func exchange(_ line: ControlLine) async throws -> ControlReply {
        let host = path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        var request = HTTPClientRequest(url: "http+unix://\(host)/v1/\(line.target)")
        request.method = HTTPMethod(rawValue: line.method)
        request.headers.add(name: ControlProtocol.versionHeader, value: ControlProtocol.version)
        request.headers.add(name: "Connection", value: "close")
        if let fence = line.fence { request.headers.add(name: ControlProtocol.fenceHeader, value: String(fence)) }
        if let body = line.body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: body))
        }
        do {
            let response = try await tenure.client.execute(
                request, timeout: .milliseconds(Int64(line.limit * 1000)))
            let answer = try await response.body.collect(upTo: ControlProtocol.bodyLimit)
            return ControlReply(
                id: line.id, status: response.status.code,
                version: response.headers.first(name: ControlProtocol.versionHeader), body: String(buffer: answer))
        } catch {
            throw translate(error, Seconds(line.limit))
        }
    }

    private func translate(_ error: any Error, _ patience: Seconds) -> any Error {
        if error is Failure { return error }
        if error is CancellationError || Task.isCancelled { return CancellationError() }
        if let error = error as? HTTPClientError {
            switch error {
            case .deadlineExceeded, .readTimeout, .connectTimeout:
                return Failure(
                    .unavailable, "the supervisor does not answer", because: "no answer within \(patience.spelled)",
                    next: "convoy doctor")
            case .remoteConnectionClosed: return Failure.garbled("it closed the connection without an answer")
            default: return Failure.garbled(error.shortDescription)
            }
        }
        return unreachable(error)
    }

    private func unreachable(_ error: any Error) -> Failure {
        let text = String(describing: error)
        let refused = text.contains("onnection refused") || text.contains("No such file")
        if refused {
            return Failure(
                .unavailable, "cannot reach the supervisor", because: "supervisor is not running (\(path))",
                next: "convoy up")
        }
        if text.contains("ermission denied") {
            return Failure(
                .unavailable, "cannot reach the supervisor", because: "permission denied (\(path))",
                next: "run convoy as the user that runs the supervisor")
        }
        return Failure.garbled(String(describing: Excerpt(text)))
    }
}

extension Failure {
    static func garbled(_ why: String) -> Failure {
        Failure(
            .unavailable, "the conversation with the supervisor failed", because: String(describing: Excerpt(why)),
            next: "convoy doctor")
    }
}
