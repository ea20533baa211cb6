import Crypto
import Fleet
import FoundationEssentials

/// What an instance gets to see, where somebody records it.
enum UpstreamChecks {
    private static let passthrough = "MCP Security Best Practices, Token Passthrough"

    /// Sends a request that can be found again, and gives the record of it once it is there.
    private static func record(of request: Request, _ bench: Bench) async throws -> (record: String, reply: Reply) {
        guard let sight = bench.sight else { throw Skip("no sight of what reaches an instance") }
        let reply = try await bench.send(request)
        // The answer came through the instance, so its request was recorded before; a log may be slower.
        for _ in 0..<20 {
            let record = try sight.recorded()
            if record.contains(marker(request)) { return (record, reply) }
            try await bench.time.sleep(0.1)
        }
        throw Skip("the record does not show headers of requests: X-Verify-Marker was not found in it")
    }

    private static func marker(_ request: Request) -> String {
        request.headers.first { $0.name == "X-Verify-Marker" }?.value ?? "-"
    }

    private static func marked(_ bench: Bench) throws -> Request {
        let random = SymmetricKey(size: .bits128).withUnsafeBytes { $0.map { String($0, radix: 16) }.joined() }
        return try bench.good().adding("X-Verify-Marker", "m\(random)")
    }

    private static func hidden(
        _ name: String, _ title: String, _ headers: [(String, String)], _ reference: String
    ) -> Check {
        Check("upstream.\(name)", title, reference, needs: [.key, .sight]) { bench in
            let request = headers.reduce(try marked(bench)) { $0.adding($1.0, $1.1) }
            let (record, reply) = try await record(of: request.saying("POST with a good token and \(name)"), bench)
            for (header, value) in headers where record.contains(value) {
                throw Fault(
                    "the instance got the client's \(header)", sent: reply.sent, seen: "the value in the record")
            }
        }
    }

    static let all: [Check] = [
        Check("upstream.token", "the token never reaches an instance", passthrough, needs: [.key, .sight]) { bench in
            let request = try marked(bench)
            let (record, reply) = try await record(of: request, bench)
            let token = request.headers.first { $0.name == "Authorization" }?.value.split(separator: " ").last ?? ""
            // Its signature is enough to know it by, and the whole token enough to misuse it.
            if let signature = token.split(separator: ".").last, record.contains(signature) {
                throw Fault(
                    "the instance got the client's token", sent: reply.sent, seen: "the token's signature in the record"
                )
            }
        },
        hidden("cookie", "cookies never reach an instance", [("Cookie", "verify=cookie-7f3a")], passthrough),
        hidden(
            "trusted-headers", "the edge's own headers are never the client's",
            [
                ("X-Convoy-Secret", "client-secret-7f3a"), ("X-Convoy-Subject", "client-subject-7f3a"),
                ("X-Convoy-Group", "client-group-7f3a"),
            ],
            "RFC 9110 17"),
        hidden(
            "forwarded", "forwarding headers are never the client's",
            [
                ("X-Forwarded-Host", "client-7f3a.example"), ("Forwarded", "for=client-7f3b"),
                ("X-Real-IP", "192.0.2.73"),
            ], "RFC 7239 8.1"),
        Check("upstream.smuggled", "no smuggled request reaches an instance", "RFC 9112 11.2", needs: [.key, .sight]) {
            bench in
            guard let sight = bench.sight else { return }
            let host = bench.target.url.authority
            let path = "/convoy-verify-smuggled-upstream"
            let body = "0\r\n\r\nGET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
            var request = try marked(bench).unmeasured().adding("Content-Length", "\(body.utf8.count)")
                .adding("Transfer-Encoding", "chunked").body(body).saying(
                    "POST, good token, Content-Length and chunked")
            request = request.with("Connection", nil)
            _ = try await bench.burst(request.bytes(), sent: request.words)
            _ = try await record(of: marked(bench), bench)
            if try sight.recorded().contains("GET \(path) ") {
                throw Fault(
                    "a smuggled request reached the instance", sent: request.words,
                    seen: "its request line in the record")
            }
        },
    ]
}
