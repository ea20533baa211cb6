/// Where a client comes from is what its connection says, never what the client does. From an address on the
/// list, an edge that believes a header shows it by refusing; from another, by admitting.
enum ClientChecks {
    private static let reference = "RFC 7239 8.1"

    private static func check(
        _ name: String, _ title: String, _ reference: String = reference,
        run: @escaping @Sendable (Bench, Target.Clients) async throws -> Void
    ) -> Check {
        Check("clients.\(name)", title, reference, needs: [.clients]) { bench in
            _ = try bench.needForge()
            guard let clients = bench.target.clients else { return }
            if !clients.isOutside, bench.survey.refusal != nil {
                throw Skip("nothing is admitted from here (--from-outside, if that is as it should be)")
            }
            try await run(bench, clients)
        }
    }

    static let all: [Check] = [
        check("refused", "a good token from an address that is not listed is answered 403") { bench, clients in
            guard clients.isOutside else { throw Skip("this machine is listed; --from-outside where it is not") }
            try await bench.send(bench.good()).must(be: 403, orElse: "it was not answered 403")
        },
        pretended("forwarded-for", ["X-Forwarded-For"]) { [$0, "\($0), 198.51.100.7", "198.51.100.7, \($0)"] },
        pretended("forwarded", ["Forwarded"]) {
            let quoted = $0.contains(":") ? "\"[\($0)]:443\"" : "\"\($0):443\""
            return [
                "for=\($0)", "for=\(quoted)", "for=\($0), for=198.51.100.7", "for=198.51.100.7;by=\($0), for=\($0)",
            ]
        },
        pretended("real-ip", ["X-Real-IP"]) { [$0] },
        pretended(
            "vendors",
            [
                "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Azure-ClientIP", "X-Client-IP",
                "X-Cluster-Client-IP", "X-Original-Forwarded-For", "X-Forwarded", "Client-IP", "X-Remote-Addr",
                "X-Convoy-Client",
            ]
        ) { [$0] },
        check("forwarded-twice", "nor when it comes twice") { bench, clients in
            for address in claims(clients) {
                for header in ["X-Forwarded-For", "X-Real-IP", "Forwarded"] {
                    let value = header == "Forwarded" ? "for=\(address)" : address
                    let request = try bench.good().adding(header, value).adding(header, value)
                    try await mustNotMatter(
                        bench, clients, request.saying("POST with a good token, \(header): \(value) twice"))
                }
            }
        },
        check("proxy-protocol", "a PROXY line of the client's says nothing", "PROXY protocol 2.1, 5") {
            bench, clients in
            for address in claims(clients) where !address.contains(":") {
                let line = "PROXY TCP4 \(address) 127.0.0.1 4000 443\r\n"
                let sent = "\(line.dropLast(1)), then POST with a good token"
                let burst = try await bench.burst(Array(line.utf8) + (try bench.good()).bytes(), sent: sent)
                // 400 is right, a closed connection too; 403 would be an answer to whom it names.
                guard burst.answers.allSatisfy({ !$0.isServed && $0.status != 403 && $0.status < 500 }) else {
                    throw burst.fault("the line was believed")
                }
            }
        },
    ]

    private static func pretended(
        _ name: String, _ headers: [String], _ values: @escaping @Sendable (String) -> [String]
    ) -> Check {
        check(
            name, "\(headers[0])\(headers.count > 1 ? " and the like change" : " changes") nothing about who may come"
        ) {
            bench, clients in
            for address in claims(clients) {
                for header in headers {
                    for value in values(address) {
                        let request = try bench.good().adding(header, value)
                        try await mustNotMatter(
                            bench, clients, request.saying("POST with a good token, \(header): \(value)"))
                    }
                }
            }
        }
    }

    private static func claims(_ clients: Target.Clients) -> [String] {
        clients.isOutside ? clients.listed + ["127.0.0.1", "::1"] : clients.unlisted
    }

    private static func mustNotMatter(_ bench: Bench, _ clients: Target.Clients, _ request: Request) async throws {
        let reply = try await bench.send(request)
        if clients.isOutside {
            try reply.must(be: 403, orElse: "who is not listed was not answered 403: the header was believed")
        } else if !reply.answer.isServed {
            throw reply.fault("the header was believed: whoever is outside can claim to be inside")
        }
    }
}
