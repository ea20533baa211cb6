import AsyncHTTPClient
import Fleet
import Foundation
import NIOCore
import NIOHTTP1
import Planning
import Ports

/// A supervisor's control from the other side of its socket. Throws what the supervisor threw.
///
/// `shutdown` of the client is `close()`: the protocol's `shutdown` ends the supervisor.
package struct ControlClient: FleetControl, DriftControl {
    private let path: String
    private let fence: Int?
    private let tenure: Tenure
    private var client: HTTPClient { tenure.client }
    /// Added to what the operation itself may take.
    private let slack: Seconds

    /// - Parameter fence: of the lease that changes are made under; without one the supervisor only tells.
    package init(socket path: String, fence: Int? = nil, slack: Seconds = 30) {
        self.path = path
        self.fence = fence
        self.slack = slack
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

    package func close() async { try? await client.shutdown() }

    package func status(newerThan revision: Int?, timeout: Seconds) async throws -> StatusReport {
        let wait = min(timeout, Seconds(ControlProtocol.longestPoll))
        let query = (revision.map { "newerThan=\($0)&" } ?? "") + "timeout=\(wait.value)"
        let body = try await send(.GET, "status?\(query)", limit: wait)
        do {
            return try ControlProtocol.decode(StatusReport.self, from: body)
        } catch {
            throw foreign("its status can't be read: \(Excerpt(String(describing: error)))")
        }
    }

    package func begin(_ plan: GenerationPlan) async throws {
        try await begin(plan, only: nil)
    }

    package func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws {
        let query = Self.query(instances).map { "?" + $0 } ?? ""
        try await send(.PUT, "generations/\(plan.number)" + query, try ControlProtocol.encode(plan), limit: 300)
    }

    package func share(_ generation: Int, part: Double) async throws {
        try await send(.POST, "generations/\(generation)/share?part=\(part)", limit: 120)
    }

    package func balance(_ generation: Int) async throws {
        try await send(.POST, "generations/\(generation)/balance", limit: 120)
    }

    package func flip(to generation: Int) async throws {
        try await send(.POST, "generations/\(generation)/flip", limit: 120)
    }

    package func retire(_ generation: Int, drain: Seconds) async throws {
        _ = try await retire(generation, only: nil, drain: drain)
    }

    package func retire(
        _ generation: Int, only instances: Set<String>?, drain: Seconds
    ) async throws -> DrainReport {
        let query = "drain=\(drain.value)" + (Self.query(instances).map { "&" + $0 } ?? "")
        let body = try await send(
            .DELETE, "generations/\(generation)?\(query)", limit: Seconds(drain.value + 300))
        do {
            return try ControlProtocol.decode(DrainReport.self, from: body)
        } catch {
            throw garbled("its report can't be read: \(error)")
        }
    }

    /// Names of instances have nothing in them that a URL would have to escape.
    private static func query(_ instances: Set<String>?) -> String? {
        instances.map { "only=" + $0.sorted().joined(separator: ",") }
    }

    package func check() async throws { try await send(.POST, "check", limit: 300) }

    package func offer(of generation: Int) async throws -> ReleaseOffer? {
        let body = try await send(.GET, "generations/\(generation)/offer", limit: 30)
        return try read(body, as: OfferDocument.self).offer
    }

    package func rehearse(_ plan: GenerationPlan) async throws {
        try await send(.POST, "generations/\(plan.number)/rehearsal", try ControlProtocol.encode(plan), limit: 60)
    }

    /// With `heal`, the client's side of `DriftControl`.
    package func survey() async throws -> DriftSurvey { try read(try await send(.GET, "drift", limit: 300)) }

    package func heal() async throws -> [String] { try read(try await send(.POST, "drift/heal", limit: 300)) }

    private func read<Value: Decodable>(_ body: Data, as type: Value.Type = Value.self) throws -> Value {
        do {
            return try ControlProtocol.decode(Value.self, from: body)
        } catch {
            throw garbled("its answer can't be read: \(error)")
        }
    }

    package func shutdown(drain: Seconds) async throws {
        try await send(.POST, "shutdown?drain=\(drain.value)", limit: Seconds(drain.value + 300))
    }

    @discardableResult
    private func send(_ method: HTTPMethod, _ target: String, _ body: Data? = nil, limit: Seconds) async throws
        -> Data
    {
        let host = path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        var request = HTTPClientRequest(url: "http+unix://\(host)/v1/\(target)")
        request.method = method
        request.headers.add(name: ControlProtocol.versionHeader, value: ControlProtocol.version)
        request.headers.add(name: "Connection", value: "close")
        if let fence { request.headers.add(name: ControlProtocol.fenceHeader, value: String(fence)) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let patience = Seconds(limit.value + slack.value)
        do {
            let response = try await client.execute(
                request, timeout: .milliseconds(Int64(patience.value * 1000)))
            let answer = try await response.body.collect(upTo: ControlProtocol.bodyLimit)
            return try judge(response, Data(answer.readableBytesView))
        } catch {
            throw translate(error, patience)
        }
    }

    private func judge(_ response: HTTPClientResponse, _ body: Data) throws -> Data {
        let theirs = response.headers.first(name: ControlProtocol.versionHeader)
        guard theirs == ControlProtocol.version else {
            throw foreign(
                "this convoy speaks version \(ControlProtocol.version), the supervisor "
                    + (theirs.map { "version \(Excerpt($0, length: 20))" } ?? "names no version"))
        }
        guard response.status != .ok else { return body }
        if let document = try? ControlProtocol.decode(FailureDocument.self, from: body) { throw document.failure }
        throw garbled("HTTP \(response.status.code) without a reason")
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
            case .remoteConnectionClosed: return garbled("it closed the connection without an answer")
            default: return garbled(error.shortDescription)
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
        return garbled(String(describing: Excerpt(text)))
    }

    /// Not `.unavailable`: whoever waits for the supervisor would wait for good.
    private func foreign(_ why: String) -> Failure {
        Failure(
            .failed, "this convoy and the supervisor do not speak the same control protocol", because: why,
            next: "restart the supervisor with this convoy: instances go on meanwhile "
                + "(`systemctl restart convoy-supervisor`; elsewhere end it by TERM, then `convoy up`)")
    }

    private func garbled(_ why: String) -> Failure {
        Failure(
            .unavailable, "the conversation with the supervisor failed", because: String(describing: Excerpt(why)),
            next: "convoy doctor")
    }
}
