import Conformance
import Fleet
import Ports

/// One request from this machine to an edge, as a stranger: it must be asked for a token.
struct WireVisitor: EdgeVisitor {
    /// Certificates (PEM) that the edge may be certified by beside the system's roots: what was shipped to it.
    let roots: [UInt8]?

    func visit(_ edge: EdgeSpec, pool: String, at address: String) async throws {
        let url = try EndpointURL("\(edge.url)/\(pool)/mcp")
        let tls = url.isTLS ? NIOWire.TLS(name: url.address, roots: roots) : nil
        let wire = NIOWire(address: address, port: edge.listen.port, tls: tls)
        let request =
            "POST \(url.target) HTTP/1.1\r\nHost: \(url.authority)\r\nContent-Type: application/json\r\n"
            + "Accept: application/json, text/event-stream\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        let head: String
        do {
            let received = try await wire.exchange(Array(request.utf8), Patience(limit: 10))
            head = String(decoding: received.bytes.prefix { $0 != 13 }, as: UTF8.self)
        } catch {
            throw failure(url, address, error.reason)
        }
        guard head.hasPrefix("HTTP/1.1 401") else {
            throw failure(url, address, head.isEmpty ? "it says nothing" : "it answers a stranger with \(head)")
        }
    }

    private func failure(_ url: EndpointURL, _ address: String, _ why: String) -> Failure {
        Failure(
            .failed, "the edge at \(address) does not serve \(url.text)", because: why,
            next: "see `convoy status` and `journalctl -u convoy-edge` there, and any firewall on the way")
    }
}

/// Where nobody serves yet.
struct NoVisit: EdgeVisitor {
    func visit(_ edge: EdgeSpec, pool: String, at address: String) async throws {}
}
