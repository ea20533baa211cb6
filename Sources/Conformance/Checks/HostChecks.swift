/// The name in the request is the client's claim and decides nothing.
enum HostChecks {
    private static let reference = "RFC 9110 7.2, 7.4; RFC 9112 3.2"

    static let all: [Check] = [
        Check("host.foreign", "a foreign Host is refused", "RFC 9110 7.4 (421)", needs: [.key]) { bench in
            try await bench.attempt(
                bench.good().with("Host", "evil.example").saying("POST, good token, Host: evil.example"))?
                .mustBeRefused("a foreign Host")
        },
        Check("host.lookalike", "a Host that only begins with ours is refused", "RFC 9110 7.4 (421)", needs: [.key]) {
            bench in
            let host = bench.target.url.host + ".evil.example"
            try await bench.attempt(bench.good().with("Host", host).saying("POST, good token, Host: \(host)"))?
                .mustBeRefused("a Host that only begins with ours")
        },
        Check("host.not-in-challenge", "a foreign Host does not get into the challenge", "RFC 9728 7.3") { bench in
            let request = bench.bare().with("Host", "evil.example").saying("POST without a token, Host: evil.example")
            if let reply = try await bench.attempt(request),
                reply.answer.headers.contains(where: { $0.value.contains("evil.example") })
            {
                throw reply.fault("a header of the answer repeats the client's Host")
            }
        },
        Check("host.forwarded-not-believed", "X-Forwarded-Host does not get into the challenge", "RFC 9728 7.3") {
            bench in
            let request = bench.bare().with("X-Forwarded-Host", "evil.example").with("X-Forwarded-Proto", "gopher")
                .with("X-Forwarded-Port", "1").with("Forwarded", "host=evil.example")
            let reply = try await bench.send(request.saying("POST without a token, X-Forwarded-Host: evil.example"))
            guard reply.status == 401,
                !reply.answer.headers.contains(where: {
                    $0.value.contains("evil.example") || $0.value.contains("gopher")
                })
            else { throw reply.fault("the answer follows X-Forwarded-Host") }
        },
        Check("host.absent", "HTTP/1.1 without Host is answered 400", reference) { bench in
            try await refused(bench, bench.bare().with("Host", nil), "no Host")
        },
        Check("host.two", "two Host headers are answered 400", reference) { bench in
            try await refused(bench, bench.bare().adding("Host", "evil.example"), "two Host headers")
        },
        Check("host.malformed", "a Host that is none is answered 400", reference) { bench in
            try await refused(bench, bench.bare().with("Host", "evil.example/x?y"), "a Host with a path")
        },
        Check("host.absolute-form", "a foreign name in the request line is refused", "RFC 9112 3.2.2", needs: [.key]) {
            bench in
            let request = try bench.good().to("\(bench.target.url.scheme)://evil.example\(bench.target.url.target)")
            try await bench.attempt(request.saying("POST, good token, request line names evil.example"))?
                .mustBeRefused("a foreign name in the request line")
        },
        Check("host.absolute-form-unauthorized", "the absolute form needs a token as well", "RFC 9112 3.2.2") { bench in
            let request = bench.bare().to(bench.target.url.text)
            try await bench.attempt(request.saying("POST without a token, whole URL in the request line"))?
                .mustBeRefused("the absolute form without a token")
        },
    ]

    private static func refused(_ bench: Bench, _ request: Request, _ what: String) async throws {
        guard let reply = try await bench.attempt(request.saying("POST without a token, \(what)")) else { return }
        try reply.must(be: 400, 421, orElse: "\(what) was not answered 400")
    }
}
