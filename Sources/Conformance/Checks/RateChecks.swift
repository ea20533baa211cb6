import Crypto
import Fleet
import FoundationEssentials

/// One subject can't take all there is, and takes nothing from others. Each check is a subject of its own.
enum RateChecks {
    private static let reference = "RFC 6585 4"

    private static func check(
        _ name: String, _ title: String, _ reference: String, _ severity: Check.Severity = .must,
        run: @escaping @Sendable (Bench, String, RateLimit) async throws -> Void
    ) -> Check {
        Check("rate.\(name)", title, reference, severity, needs: [.key, .rate]) { bench in
            guard let limit = bench.target.rate else { return }
            let random = SymmetricKey(size: .bits128).withUnsafeBytes { $0.map { String($0, radix: 16) }.joined() }
            try await run(bench, "\(bench.target.subject)-rate-\(random)", limit)
        }
    }

    static let all: [Check] = [
        check("limited", "who asks too often is answered 429, whatever token is used", reference) {
            _ = try await Flood.run($1, $0, $2)
        },
        check("no-escape", "no header of the client's makes it count anew", reference) { bench, subject, limit in
            _ = try await Flood.run(subject, bench, limit) { request, index in
                let address = "198.51.100.\(index % 256)"
                return request.adding("X-Forwarded-For", address).adding("X-Real-IP", address)
                    .adding("Forwarded", "for=\(address)").with("User-Agent", "convoy-verify/\(index)")
                    .adding("X-Convoy-Owner", String(repeating: String(index % 10), count: 32))
                    .saying("\(request.words), each from another pretended address")
            }
        },
        check("retry-after", "a 429 says when to come back", "RFC 6585 4; RFC 9110 10.2.3") { bench, subject, limit in
            _ = try wait(try await Flood.run(subject, bench, limit).refusal)
        },
        check("recovers", "who waits as told is admitted again", "RFC 9110 10.2.3") { bench, subject, limit in
            let wait = try wait(try await Flood.run(subject, bench, limit).refusal)
            guard wait <= 10 else { throw Skip("it says to come back in \(wait) s: too long to wait") }
            try await bench.time.sleep(Seconds(wait))
            try await mustPass(bench, bench.probe(subject), "who waited for \(wait) s as Retry-After says")
        },
        check("others", "one subject's limit is not another's", reference) { bench, subject, limit in
            _ = try await Flood.run(subject, bench, limit)
            try await mustPass(bench, bench.probe(subject + "-2"), "another subject")
        },
        check("strangers", "forged tokens use up nobody's share", reference) { bench, subject, limit in
            guard limit.burst <= 500 else { throw Skip("it would take more than 500 forged tokens") }
            let forge = try bench.needForge()
            for first in stride(from: 0, to: limit.burst + 8, by: 8) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in first..<first + 8 {
                        let request = bench.opening(try forge.token(subject: subject) { $0.signer = .stranger })
                        group.addTask { _ = try await bench.once(request.saying("POST with a forged token")) }
                    }
                    try await group.waitForAll()
                }
            }
            try await mustPass(bench, bench.probe(subject), "who was named in forged tokens")
        },
    ]

    private static func mustPass(_ bench: Bench, _ request: Request, _ who: String) async throws {
        let reply = try await bench.once(request)
        guard ![401, 403, 429].contains(reply.status), reply.status < 500 else {
            throw reply.fault("\(who) was not admitted")
        }
    }

    /// Seconds; a date counts for the longest wait, since the clocks may differ.
    private static func wait(_ reply: Reply) throws -> Double {
        guard let text = reply.answer["Retry-After"] else { throw reply.fault("the 429 has no Retry-After") }
        if let seconds = Int(text), (0...86_400).contains(seconds) { return max(Double(seconds), 0.1) }
        guard text.hasSuffix(" GMT"), text.contains(",") else {
            throw reply.fault("its Retry-After is neither seconds nor a date: \(text)")
        }
        return .infinity
    }
}
