import Fleet
import Testing

@testable import Admission

/// A small generator with a seed, so that a failure can be run again.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

@Suite("Laws of admission")
struct AdmissionLawTests {
    private static let words = [
        "", "analytics", "idle", "mcp:analytics", "mcp:idle", "https://mcp.example.com/analytics/mcp", "\r\nX: y",
        "https://mcp.example.com", "é", "Bearer a.b.c", "bearer x", "POST", "GET", "access_token=1", "%zz", "\"",
    ]

    private static func one(_ random: inout SeededGenerator) -> String { words.randomElement(using: &random) ?? "" }

    private static func some(_ random: inout SeededGenerator, upTo limit: Int) -> [String] {
        (0..<Int.random(in: 0...limit, using: &random)).map { _ in one(&random) }
    }

    @Test("nobody is admitted unless every claim holds, and no header can be split")
    func laws() throws {
        var random = SeededGenerator(state: 42)
        var admissions = 0
        for _ in 0..<50_000 {
            let request = Sample.request {
                if Bool.random(using: &random) { $0.pools = Self.some(&random, upTo: 2) }
                if Bool.random(using: &random) { $0.authorization = Self.some(&random, upTo: 2) }
                if Int.random(in: 0..<4, using: &random) == 0 { $0.origins = Self.some(&random, upTo: 2) }
                if Int.random(in: 0..<4, using: &random) == 0 { $0.query = Self.one(&random) }
                if Int.random(in: 0..<4, using: &random) == 0 { $0.method = Self.one(&random) }
            }
            let claims = Sample.claims {
                if Bool.random(using: &random) { $0.audiences = Self.some(&random, upTo: 3) }
                if Bool.random(using: &random) { $0.scopes = Self.some(&random, upTo: 3) }
                if Int.random(in: 0..<4, using: &random) == 0 { $0.subject = Self.one(&random) }
                $0.expires = Sample.now + Double.random(in: -100...100, using: &random)
                $0.notBefore = Sample.now + Double.random(in: -100...100, using: &random)
            }
            let decision = Sample.decide(request, claims)
            if decision.isAdmission {
                admissions += 1
                try Self.requireValid(request, claims)
            }
            for (name, value) in decision.headers {
                try #require(value.utf8.allSatisfy { (0x20...0x7e).contains($0) }, "\(name) of \(request)")
            }
        }
        #expect(admissions > 250, "the generator must reach admissions for the law to mean anything")
    }

    private static func requireValid(_ request: AccessRequest, _ claims: TokenClaims) throws {
        try #require(request.pools.count == 1 && request.authorization.count == 1)
        let pool = request.pools[0]
        try #require(claims.audiences.contains("https://mcp.example.com/\(pool)/mcp"))
        try #require(claims.scopes.contains("mcp:\(pool)"))
        try #require(claims.expires > Sample.now - 30)
        try #require((claims.notBefore ?? 0) <= Sample.now + 30)
        try #require(!claims.subject.isEmpty)
        try #require(request.origins.allSatisfy { $0 == "https://mcp.example.com" })
        try #require(!request.query.contains("access_token"))
        try #require(["POST", "GET", "DELETE"].contains(request.method))
    }

    @Test("a token whose verification failed is never admitted, whatever else holds")
    func refusedToken() {
        guard case .examine(let examination) = AdmissionJudge(Sample.policy).screen(Sample.request) else {
            Issue.record("the token was not asked for")
            return
        }
        #expect(examination.conclude(.failure(TokenFault("x")), now: Sample.now).status == 401)
    }

    @Test("no bytes crash the reader of tokens, and none make a token of garbage")
    func garbage() {
        var random = SeededGenerator(state: 7)
        let seed = Array(#"{"alg":"ES256","kid":"k","a":[1,{"b":"\u00e9"}]}"#.utf8)
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            }
            _ = try? StrictJSON.parse(bytes)
            let text = Base64URL.encode(bytes) + "." + Base64URL.encode(bytes.reversed()) + ".AAAA"
            #expect(throws: TokenFault.self) { try CompactToken(text) }
        }
    }
}
