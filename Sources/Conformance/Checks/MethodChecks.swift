/// Which methods mean anything, per protocol era.
enum MethodChecks {
    private static let mcp = "MCP Transports, Streamable HTTP"
    private static let http = "RFC 9110 9, 15.5.6"

    private static func refused(_ method: String) -> Check {
        Check("methods.\(method.lowercased())", "\(method) is answered 405", http, needs: [.key]) { bench in
            let reply = try await bench.send(bench.good().by(method).saying("\(method) with a good token"))
            try reply.must(be: 405, orElse: "\(method) was not answered 405")
        }
    }

    static let all: [Check] = [
        refused("PUT"), refused("PATCH"),
        Check("methods.unknown", "a method that does not exist is refused", http, needs: [.key]) { bench in
            for method in ["CONVOY", "post", "PROPFIND"] {
                let reply = try await bench.attempt(bench.good().by(method).saying("\(method) with a good token"))
                try reply?.must(be: 405, 400, 501, orElse: "\(method) was not refused")
            }
        },
        Check("methods.trace", "TRACE is refused and repeats nothing", "RFC 9110 9.3.8") { bench in
            let request = bench.get(bench.target.url.target).by("TRACE").with("X-Verify", "convoy-verify-echo")
            guard let reply = try await bench.attempt(request.saying("TRACE")) else { return }
            guard !reply.answer.text.contains("convoy-verify-echo") else {
                throw reply.fault("TRACE repeats the request")
            }
            try reply.mustBeRefused("TRACE")
        },
        Check("methods.connect", "CONNECT opens no tunnel", "RFC 9110 9.3.6") { bench in
            let request = bench.get("127.0.0.1:22").by("CONNECT").saying("CONNECT 127.0.0.1:22")
            let burst = try await bench.burst(request.bytes(), sent: request.words)
            guard burst.answers.allSatisfy({ !$0.isServed && ($0.status < 500 || $0.status == 501) }) else {
                throw burst.fault("CONNECT was not refused")
            }
        },
        Check("methods.allow", "a 405 lists what is allowed", "RFC 9110 15.5.6") { bench in
            let reply = try await bench.send(bench.get(bench.target.url.target).by("PUT").saying("PUT without a token"))
            if reply.status == 401 { return }
            guard reply.status == 405, reply.answer["Allow"]?.contains("POST") == true else {
                throw reply.fault("there is no 405 whose Allow lists POST")
            }
        },
        Check("methods.without-token", "no other method needs less than a token", http) { bench in
            for method in ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                let request = bench.get(bench.target.url.target).by(method).saying("\(method) without a token")
                guard let reply = try await bench.attempt(request) else { continue }
                if method == "OPTIONS", reply.status == 204 || reply.status == 200, reply.answer.body.isEmpty {
                    continue
                }
                try reply.mustBeRefused("\(method) without a token")
            }
        },
        Check(
            "methods.modern-post-only", "a modern server answers GET and DELETE with 405", mcp, needs: [.key, .modern]
        ) { bench in
            if bench.survey.isLegacy { throw Skip("the server speaks legacy versions as well") }
            for method in ["GET", "DELETE"] {
                var request = bench.discover(try bench.goodToken()).by(method)
                request.body = []
                try await bench.send(request.saying("\(method) with a good token"))
                    .must(be: 405, orElse: "\(method) was not answered 405")
            }
        },
        Check(
            "methods.legacy-get", "GET outside of a session is refused, or opens a stream", mcp, needs: [.key, .legacy]
        ) { bench in
            let request = bench.get(bench.target.url.target).with("Accept", "text/event-stream")
                .adding("Authorization", "Bearer \(try bench.goodToken())").saying("GET with a good token, no session")
            let reply = try await bench.head(request)
            if reply.status == 200, reply.answer.mediaType == "text/event-stream" { return }
            try reply.mustBeRefused("GET outside of a session")
        },
        Check(
            "methods.legacy-delete", "DELETE without a session ends nothing and fails nothing", mcp,
            needs: [.key, .legacy, .sessions]
        ) { bench in
            let request = bench.get(bench.target.url.target).by("DELETE")
                .adding("Authorization", "Bearer \(try bench.goodToken())").saying(
                    "DELETE with a good token, no session")
            try await bench.send(request).mustBeRefused("DELETE without a session")
        },
    ]
}
