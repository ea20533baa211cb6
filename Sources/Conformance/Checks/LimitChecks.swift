/// What is too large ends in a 4xx, not in a failure.
enum LimitChecks {
    static let all: [Check] = [
        Check("limits.body", "a body announced with 1 GB is answered 413", "RFC 9110 15.5.14", needs: [.key]) { bench in
            var request = try bench.good().unmeasured().adding("Content-Length", "1073741824")
            request.body = []
            let reply = try await bench.send(request.saying("POST with a good token, Content-Length of 1 GB"))
            try reply.must(be: 413, orElse: "it was not answered 413")
        },
        Check("limits.body-without-token", "nobody without a token can make it take a large body", "RFC 9110 15.5.14") {
            bench in
            var request = bench.bare().unmeasured().adding("Content-Length", "1073741824")
            request.body = []
            let reply = try await bench.send(request.saying("POST without a token, Content-Length of 1 GB"))
            try reply.must(be: 413, 401, orElse: "it was neither answered 413 nor 401")
        },
        Check("limits.header", "a header of 100 KB is refused", "RFC 6585 5") { bench in
            let request = bench.bare().adding("X-Verify", String(repeating: "x", count: 100_000))
            try await refused(bench, request.saying("POST with a header of 100 KB"), [400, 413, 431])
        },
        Check("limits.headers", "a thousand headers of 100 bytes are refused", "RFC 6585 5") { bench in
            let request = (0..<1000).reduce(bench.bare()) {
                $0.adding("X-Verify-\($1)", String(repeating: "x", count: 90))
            }
            try await refused(bench, request.saying("POST with a thousand headers"), [400, 401, 413, 431])
        },
        Check("limits.url", "a URL of 100 KB is refused", "RFC 9110 15.5.15") { bench in
            let request = bench.bare().to(bench.target.url.target + "?x=" + String(repeating: "x", count: 100_000))
            try await refused(bench, request.saying("POST with a URL of 100 KB"), [400, 413, 414, 431])
        },
        Check("limits.bad-json", "bodies that are none fail nothing", "JSON-RPC 2.0 5.1; RFC 8259 9", needs: [.key]) {
            bench in
            let deep = String(repeating: "[", count: 20_000)
            for (words, body) in [
                ("no JSON", "{"), ("an empty body", ""), ("20,000 brackets", deep), ("a NUL", "\0"),
                ("a batch of nothing", "[]"), ("a number", "1"),
            ] {
                try await survives(bench, bench.good().body(body).saying("POST with a good token and \(words)"))
            }
            var invalid = try bench.good().saying("POST with a good token and a body of broken UTF-8")
            invalid.body = Array(#"{"jsonrpc":"2.0","id":1,"method":""#.utf8) + [0xff, 0xfe, 0xc0] + Array(#""}"#.utf8)
            try await survives(bench, invalid)
        },
        Check("limits.bad-media-type", "a body of another media type fails nothing", "RFC 9110 15.5.16", needs: [.key])
        { bench in
            for type in ["text/plain", "application/xml", "multipart/form-data; boundary=x", "", "a/b; charset=\"x"] {
                try await survives(
                    bench,
                    bench.good().with("Content-Type", type).saying("POST with a good token, Content-Type: \(type)"))
            }
            try await survives(
                bench, bench.good().with("Accept", "image/png").saying("POST with a good token, Accept: image/png"))
        },
    ]

    private static func refused(_ bench: Bench, _ request: Request, _ statuses: Set<Int>) async throws {
        guard let reply = try await bench.attempt(request) else { return }
        guard statuses.contains(reply.status) else { throw reply.fault("it was answered \(reply.status)") }
    }

    private static func survives(_ bench: Bench, _ request: Request) async throws {
        guard let reply = try await bench.attempt(request) else { return }
        guard reply.status < 500 || reply.status == 501 else {
            throw reply.fault("bad input made the edge or its server fail")
        }
    }
}
