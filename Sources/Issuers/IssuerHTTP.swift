import Admission
import AsyncHTTPClient
import Fleet
import NIOCore
import NIOHTTP1
import Planning

/// What one exchange with an issuer may cost.
package struct IssuerLimits: Sendable {
    /// From the first packet to the last byte of the answer.
    package var time: Seconds = 5
    package var document = 1 << 20
    package var introspection = 64 << 10
    /// Questions about tokens on their way to one issuer; more are refused.
    package var questions = 64

    package init() {}
}

/// Asks issuers and nobody else: verified TLS, bounded answers, no redirects, no cookies, no proxies.
final class IssuerHTTP: Sendable {
    struct Answer: Sendable {
        var status: UInt
        var headers: HTTPHeaders
        var body: [UInt8]

        /// The JSON object in an answer of 200.
        func object() throws(IssuerFault) -> [String: JSONValue] {
            guard status == 200 else { throw IssuerFault("HTTP \(status)" + redirection) }
            do {
                guard case .object(let members) = try StrictJSON.parse(body) else {
                    throw IssuerFault("the answer is no JSON object")
                }
                return members
            } catch let fault as StrictJSON.Fault {
                throw IssuerFault("the answer is no JSON: \(fault.reason)")
            } catch { throw IssuerFault("the answer is no JSON object") }
        }

        private var redirection: String {
            guard (300..<400).contains(status), let target = headers.first(name: "Location") else { return "" }
            return " to \(target.quoted), which is not followed"
        }
    }

    let limits: IssuerLimits
    private let client: HTTPClient

    init(limits: IssuerLimits) {
        self.limits = limits
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // Ours for the whole exchange comes first, and has the better words.
        configuration.timeout = .init(connect: .milliseconds(Int64(limits.time.value * 1000) + 1000))
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func shutdown() async { try? await client.shutdown() }

    func get(_ url: TrustedURL, _ trust: IssuerTrust) async throws(IssuerFault) -> Answer {
        var request = HTTPClientRequest(url: url.description)
        request.tlsConfiguration = trust.configuration
        return try await ask(request, url, limit: limits.document)
    }

    /// `form` and `authorization` are secrets: they are in no fault.
    func post(
        _ url: TrustedURL, form: String, authorization: String, _ trust: IssuerTrust
    ) async throws(IssuerFault) -> Answer {
        var request = HTTPClientRequest(url: url.description)
        request.method = .POST
        request.tlsConfiguration = trust.configuration
        request.headers.add(name: "Authorization", value: authorization)
        request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        request.body = .bytes(ByteBuffer(string: form))
        return try await ask(request, url, limit: limits.introspection)
    }

    private func ask(_ request: HTTPClientRequest, _ url: TrustedURL, limit: Int) async throws(IssuerFault) -> Answer {
        var request = request
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "convoy-refresher")
        do {
            return try await within(limits.time, host: url.url.host) { [client, request] in
                do {
                    return try await Self.exchange(client, request, limit: limit)
                } catch let error as HTTPClientError where error == .remoteConnectionClosed {
                    // The issuer may have closed an idle connection just as we took it; asking twice
                    // changes nothing there.
                    return try await Self.exchange(client, request, limit: limit)
                }
            }
        } catch { throw IssuerFault(error, host: url.url.host) }
    }

    private static func exchange(_ client: HTTPClient, _ request: HTTPClientRequest, limit: Int) async throws -> Answer
    {
        // The deadline of the client ends with the head of the answer, ours with its last byte.
        let response = try await client.execute(request, timeout: .hours(1))
        var body: [UInt8] = []
        for try await chunk in response.body {
            guard body.count + chunk.readableBytes <= limit else {
                throw IssuerFault("the answer is longer than \(limit) bytes")
            }
            body += chunk.readableBytesView
        }
        return Answer(status: response.status.code, headers: response.headers, body: body)
    }
}

private func within<Value: Sendable>(
    _ limit: Seconds, host: String, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: limit.duration)
            return nil
        }
        defer { group.cancelAll() }
        guard let first = try await group.next(), let value = first else {
            throw IssuerFault("\(host): no whole answer within \(limit.spelled)", isTransport: true)
        }
        return value
    }
}
