import AsyncHTTPClient
import Fleet
import Foundation
import Planning
import Ports
import Synchronization

/// The HTTP side of one probe: headers that go with every request, and every session that the
/// server opened meanwhile, asked for or not.
final class HTTPExchange: Sendable {
    /// What a body may be at most, in bytes.
    static let bodyLimit = 4 * 1024 * 1024

    let client: HTTPClient
    let plan: ProbePlan
    private let headers: [String: String]
    private let sessions = Mutex<Set<String>>([])

    init(client: HTTPClient, plan: ProbePlan) throws {
        self.client = client
        self.plan = plan
        headers = try plan.headersFile.map(Self.readHeaders) ?? [:]
    }

    var openSessions: [String] { sessions.withLock { $0.sorted() } }

    func request(_ method: String, _ url: String, headers extra: [(String, String)] = []) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = .RAW(value: method)
        request.headers.add(name: "Host", value: plan.host)
        // Law 5: no connection stays behind.
        request.headers.add(name: "Connection", value: "close")
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) { request.headers.add(name: name, value: value) }
        for (name, value) in extra { request.headers.replaceOrAdd(name: name, value: value) }
        return request
    }

    func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        do {
            let response = try await client.execute(request, timeout: .seconds(3600))
            if let session = response.headers.first(name: "Mcp-Session-Id"), !session.isEmpty {
                sessions.withLock { _ = $0.insert(session) }
            }
            return response
        } catch {
            throw TransportFault.translate(error)
        }
    }

    /// The whole body, or a fault when it is too long or breaks off.
    func body(of response: HTTPClientResponse) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        do {
            for try await chunk in response.body {
                bytes.append(contentsOf: chunk.readableBytesView)
                if bytes.count > Self.bodyLimit { throw Self.tooLong }
            }
        } catch {
            throw TransportFault.translate(error)
        }
        return bytes
    }

    static var tooLong: ProbeFault { ProbeFault("the answer is longer than \(bodyLimit / 1024 / 1024) MiB") }

    /// Servers echo what they were sent; a reason never shows a header secret.
    func redacted(_ fault: any Error) -> any Error {
        guard let fault = fault as? ProbeFault else { return fault }
        var reason = fault.reason
        for value in headers.values where value.count >= 8 {
            reason = reason.replacingOccurrences(of: value, with: "<redacted>")
        }
        return ProbeFault(reason, busy: fault.busy)
    }

    private static func readHeaders(_ path: String) throws -> [String: String] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ProbeFault("cannot read the headers file \(path)")
        }
        guard let headers = try? JSONDecoder().decode([String: String].self, from: data) else {
            throw ProbeFault("the headers file \(path) is not a JSON object of texts")
        }
        return headers
    }
}
