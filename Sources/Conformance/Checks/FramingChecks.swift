/// Request smuggling: messages whose end two parsers would see at two places. Each holds a second request;
/// who answers that one could be made to serve it under somebody else's name.
enum FramingChecks {
    private static let lengths = "RFC 9112 6.3"
    private static let codings = "RFC 9112 6.1"
    private static let fields = "RFC 9112 2.2, 5"

    /// How strict the specification is: refused it must be, or never taken for two requests at least.
    private enum Rule { case refused, single }

    private static func pair(
        _ name: String, _ title: String, _ reference: String, _ rule: Rule, headers: [String], body: String,
        hidden: Bool = true
    ) -> Check {
        Check("framing.\(name)", title, reference) { bench in
            let host = bench.target.url.authority
            let smuggled = hidden ? "GET /convoy-verify-smuggled HTTP/1.1\r\nHost: \(host)\r\n\r\n" : ""
            let text = body.replacing("SMUGGLED", with: smuggled)
            let head =
                ["POST \(bench.target.url.target) HTTP/1.1", "Host: \(host)", "Content-Type: application/json"]
                + headers.map { $0.replacing("LENGTH", with: "\(text.utf8.count)") }
            let bytes = Array((head.joined(separator: "\r\n") + "\r\n\r\n" + text).utf8)
            let burst = try await bench.burst(bytes, sent: "POST without a token, \(shown(headers))")
            guard burst.answers.count < 2 else { throw burst.fault("one message was taken for two requests") }
            guard burst.answers.allSatisfy({ !$0.isServed && $0.status != 500 }) else {
                throw burst.fault("it was served, or the edge failed")
            }
            guard rule == .refused, let status = burst.statuses.first else { return }
            guard [400, 411, 413, 431, 501, 505].contains(status) else {
                throw burst.fault("it was answered \(status), not refused as malformed")
            }
        }
    }

    private static func shown(_ headers: [String]) -> String {
        headers.joined(separator: "; ").replacing("\r\n", with: "<CRLF>").replacing("\n", with: "<LF>")
            .replacing("\r", with: "<CR>").replacing("\0", with: "<NUL>").replacing("\t", with: "<TAB>")
    }

    static let all: [Check] = [
        pair(
            "length-and-chunked", "Content-Length beside Transfer-Encoding is never two requests", lengths, .single,
            headers: ["Content-Length: LENGTH", "Transfer-Encoding: chunked"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "chunked-and-length", "Transfer-Encoding before Content-Length is never two requests", lengths, .single,
            headers: ["Transfer-Encoding: chunked", "Content-Length: 4"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "two-lengths", "two different Content-Lengths are refused", lengths, .refused,
            headers: ["Content-Length: 0", "Content-Length: LENGTH"], body: "SMUGGLED"),
        pair(
            "length-list", "a list of different Content-Lengths is refused", lengths, .refused,
            headers: ["Content-Length: 0, LENGTH"], body: "SMUGGLED"),
        pair(
            "length-sign", "a Content-Length with a sign is refused", "RFC 9110 8.6", .refused,
            headers: ["Content-Length: +LENGTH"], body: "SMUGGLED"),
        pair(
            "length-negative", "a negative Content-Length is refused", "RFC 9110 8.6", .refused,
            headers: ["Content-Length: -1"], body: "SMUGGLED"),
        pair(
            "length-overflow", "a Content-Length beyond 64 bits is refused", "RFC 9110 8.6", .refused,
            headers: ["Content-Length: 18446744073709551616"], body: "SMUGGLED"),
        pair(
            "length-hexadecimal", "a Content-Length in hexadecimal is refused", "RFC 9110 8.6", .refused,
            headers: ["Content-Length: 0x0"], body: "SMUGGLED"),
        pair(
            "coding-folded", "a folded Transfer-Encoding is never two requests", "RFC 9112 5.2", .single,
            headers: ["Transfer-Encoding:\r\n chunked", "Content-Length: LENGTH"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "coding-unknown", "an unknown Transfer-Encoding is refused", codings, .refused,
            headers: ["Transfer-Encoding: xchunked", "Content-Length: LENGTH"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "coding-not-last", "chunked that is not the last coding is refused", codings, .refused,
            headers: ["Transfer-Encoding: chunked, identity"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "coding-twice", "two Transfer-Encodings are never two requests", codings, .refused,
            headers: ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "coding-space", "a space before the colon is never two requests", "RFC 9112 5.1", .single,
            headers: ["Transfer-Encoding : chunked", "Content-Length: LENGTH"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "coding-old-version", "Transfer-Encoding and Content-Length with a tab is never two requests", codings,
            .single,
            headers: ["Transfer-Encoding:\tchunked", "Content-Length: LENGTH"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "chunk-overflow", "a chunk size beyond 64 bits is refused", "RFC 9112 7.1", .refused,
            headers: ["Transfer-Encoding: chunked"], body: "FFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n", hidden: false),
        pair(
            "chunk-wrapped", "a chunk size that is zero in 64 bits is no last chunk", "RFC 9112 7.1", .refused,
            headers: ["Transfer-Encoding: chunked"], body: "10000000000000000\r\n\r\nSMUGGLED"),
        pair(
            "chunk-prefix", "a chunk size with 0x is refused", "RFC 9112 7.1", .refused,
            headers: ["Transfer-Encoding: chunked"], body: "0x0\r\n\r\nSMUGGLED"),
        pair(
            "chunk-sign", "a chunk size with a sign is refused", "RFC 9112 7.1", .refused,
            headers: ["Transfer-Encoding: chunked"], body: "-0\r\n\r\nSMUGGLED"),
        pair(
            "bare-lf", "a bare LF within a header hides no framing", fields, .single,
            headers: ["X-Verify: x\nTransfer-Encoding: chunked", "Content-Length: LENGTH"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "bare-cr", "a bare CR within a header hides no framing", fields, .single,
            headers: ["X-Verify: x\rTransfer-Encoding: chunked", "Content-Length: LENGTH"], body: "0\r\n\r\nSMUGGLED"),
        pair(
            "nul", "a NUL in a header is refused", "RFC 9110 5.5", .refused,
            headers: ["X-Verify: a\0b", "Content-Length: 0"],
            body: "", hidden: false),
        Check("framing.get-with-body", "the body of a GET is no further request", "RFC 9110 9.3.1") { bench in
            let hidden = "GET /convoy-verify-smuggled HTTP/1.1\r\nHost: \(bench.target.url.authority)\r\n\r\n"
            let request = bench.get(bench.target.url.target).with("Connection", nil).body(hidden)
            let burst = try await bench.burst(request.bytes(), sent: "GET without a token, its body a whole request")
            guard burst.answers.count == 1 else { throw burst.fault("there is not exactly one answer") }
        },
        Check("framing.version", "a request line of no known version is refused", "RFC 9112 2.3, 3") { bench in
            for line in ["HTTP/9.9", "HTTP/1.1 x", "HTTP", "XTTP/1.1"] {
                var request = bench.bare().saying("POST … \(line)")
                request.version = line
                let burst = try await bench.burst(request.bytes(), sent: request.words)
                guard burst.answers.allSatisfy({ !$0.isServed && ($0.status < 500 || $0.status == 505) }) else {
                    throw burst.fault("the request line was accepted, or the edge failed")
                }
            }
        },
        Check("framing.old-version-needs-token", "HTTP/1.0 and 0.9 need a token as well", "RFC 9110 15.5.2") { bench in
            var old = bench.bare()
            old.version = "HTTP/1.0"
            let burst = try await bench.burst(old.bytes(), sent: "POST without a token, HTTP/1.0")
            guard burst.answers.allSatisfy({ (400..<500).contains($0.status) || $0.status == 505 }) else {
                throw burst.fault("it was not refused")
            }
            let simple = Array("GET \(bench.target.url.target)\r\n".utf8)
            let answer = try await bench.burst(simple, sent: "GET in the form of HTTP/0.9")
            guard answer.answers.allSatisfy({ !$0.isServed }) else { throw answer.fault("it was served") }
        },
    ]
}
