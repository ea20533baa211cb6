import Fleet
import Foundation
import Testing

@testable import Issuers

@Suite("TLS towards issuers")
struct IssuerTLSTests {
    private func outcome(_ names: String, host: String, days: Int = 2, trusted: Bool = true) async throws -> (
        Int, String
    ) {
        var options = LabOptions()
        options.tlsNames = names
        options.host = host
        options.days = days
        options.trustsCA = trusted
        let answer = Box((0, ""))
        try await withRefresher(
            options,
            plan: { issuer, _ in RefresherPlan(revision: 1, issuers: [.init(url: issuer.origin, keys: .discover)]) },
            script: {
                let text = #"{"issuer":"\#($0.origin)","jwks_uri":"\#($0.origin)/keys"}"#
                $0.script("/.well-known/oauth-authorization-server", .json(text))
            }
        ) { lab async throws in
            let keys = try await lab.keys()
            answer.value.withLock { $0 = (keys.status, keys.text) }
        }
        return answer.value.withLock(\.self)
    }

    @Test("an issuer is trusted when the plan's CA vouches for its name", arguments: ["localhost", "127.0.0.1"])
    func trusted(host: String) async throws {
        let outcome = try await outcome("DNS:localhost,IP:127.0.0.1", host: host)
        #expect(outcome.0 == 200, "\(outcome.1)")
    }

    @Test("without the CA it is not, and the reason says what to do")
    func untrusted() async throws {
        let outcome = try await outcome("DNS:localhost,IP:127.0.0.1", host: "localhost", trusted: false)
        #expect(outcome.0 == 503 && outcome.1.contains("certificate is not trusted"), "\(outcome.1)")
    }

    @Test("neither is a certificate for another name", arguments: ["localhost", "127.0.0.1"])
    func otherName(host: String) async throws {
        let outcome = try await outcome("DNS:other.example,IP:127.0.0.2", host: host)
        #expect(outcome.0 == 503 && outcome.1.contains("certificate is for another name"), "\(outcome.1)")
    }

    @Test("nor one that has expired")
    func expired() async throws {
        let outcome = try await outcome("DNS:localhost", host: "localhost", days: -1)
        #expect(outcome.0 == 503 && outcome.1.contains("certificate is not trusted"), "\(outcome.1)")
    }
}
