import Fleet
import Foundation
import Testing

@Suite("Issuers in the gate's policy")
struct GatePolicyIssuerTests {
    private func decode(_ json: String) throws -> GatePolicy.Issuer {
        try JSONDecoder().decode(GatePolicy.Issuer.self, from: Data(json.utf8))
    }

    @Test("what was written before there was more to say still means the same")
    func defaults() throws {
        let issuer = try decode(#"{"url":"https://i","jwks":{"keys":[]}}"#)
        #expect(issuer == GatePolicy.Issuer(url: "https://i", jwks: .object(["keys": .array([])])))
        #expect(issuer.algorithms == TokenAlgorithm.allCases && issuer.staleLimit == 86_400 && !issuer.introspection)
    }

    @Test("every issuer survives being written and read")
    func roundTrip() throws {
        let issuers = [
            GatePolicy.Issuer(url: "https://a", jwks: .object(["keys": .array([])])),
            GatePolicy.Issuer(
                url: "https://b", keys: .refresher, algorithms: [.ps512, .edDSA], audience: "api://mcp",
                scopeClaim: "realm_access.roles", staleLimit: 60),
            GatePolicy.Issuer(url: "https://c", keys: .none, introspection: true),
        ]
        for issuer in issuers { #expect(try decode(try StableJSON.text(issuer)) == issuer) }
    }

    @Test(
        "an issuer without keys, or with an algorithm that nobody knows, is no policy",
        arguments: [
            #"{"url":"https://i"}"#, #"{"url":"https://i","keys":"anywhere"}"#,
            #"{"url":"https://i","keys":"refresher","algorithms":["none"]}"#, #"{"keys":"refresher"}"#,
        ])
    func refused(_ json: String) { #expect(throws: DecodingError.self) { try decode(json) } }
}
