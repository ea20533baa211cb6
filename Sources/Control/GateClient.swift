import AsyncHTTPClient
import Fleet
import Foundation
import NIOCore
import NIOHTTP1
import Ports

/// Asks a gate over its unix socket which policy it applies.
package struct GateClient: GateProbe {
    private let url: String

    package init(socket path: String) {
        let encoded = path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? path
        url = "http+unix://\(encoded)"
    }

    private struct Health: Decodable { var revision: Int }

    private struct Sessions: Decodable { var sessions: [SessionTally] }

    package func revision() async throws -> Int {
        try await ask("/healthz", limit: 4096, as: Health.self).revision
    }

    package func sessions(idle: Seconds) async throws -> [SessionTally] {
        try await ask("/sessions", query: "idle=\(idle.value)", limit: 1 << 20, as: Sessions.self).sessions
    }

    private func ask<Answer: Decodable>(
        _ path: String, query: String? = nil, limit: Int, as type: Answer.Type
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url + path)
        request.headers.add(name: "connection", value: "close")
        if let query { request.headers.add(name: "X-Convoy-Query", value: query) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(1))
        let body = try await response.body.collect(upTo: limit)
        return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
    }
}
