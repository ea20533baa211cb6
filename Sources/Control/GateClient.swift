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
        url = "http+unix://\(encoded)/healthz"
    }

    private struct Health: Decodable { var revision: Int }

    package func revision() async throws -> Int {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "connection", value: "close")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(1))
        let body = try await response.body.collect(upTo: 4096)
        return try JSONDecoder().decode(Health.self, from: Data(body.readableBytesView)).revision
    }
}
