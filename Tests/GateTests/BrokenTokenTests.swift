import Admission
import Fleet
import Foundation
import JWTKit
import Testing

@testable import Gate

@Suite("Broken tokens at a running gate")
struct BrokenTokenTests {
    private static func header(_ fixture: GateFixture, _ more: [String: JSONValue] = [:]) -> [String: JSONValue] {
        ["alg": .string("ES256"), "typ": .string("at+jwt"), "kid": .string(fixture.issuer.keyID)]
            .merging(more) { $1 }
    }

    private static func claims(_ fixture: GateFixture, _ more: [String: JSONValue] = [:]) -> [String: JSONValue] {
        [
            "iss": .string(fixture.issuer.url), "sub": .string("ada"), "scope": .string("mcp:analytics"),
            "aud": .string("https://mcp.example.com/analytics/mcp"), "exp": .integer(Int(GateFixture.now) + 600),
        ].merging(more) { $1 }
    }

    private func expect(
        _ token: String, _ status: Int, _ description: String? = nil, at fixture: GateFixture,
        location: Testing.SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await fixture.ask(GateFixture.request(token: token))
        #expect(answer?.status == status, sourceLocation: location)
        if let description {
            let challenge = answer?.headers["www-authenticate"] ?? ""
            #expect(
                challenge.contains("error=\"invalid_token\", error_description=\"\(description)\""),
                "\(challenge)", sourceLocation: location)
        }
    }

    @Test("claims that do not fit are refused though the signature is good")
    func claims() async throws {
        try await GateFixture.with { fixture in
            let forger = try await Forger(fixture)
            let header = Self.header(fixture)
            let now = Int(GateFixture.now)
            try await expect(try forger.sign(header, Self.claims(fixture)), 204, at: fixture)
            let broken: [([String: JSONValue], String)] = [
                (["aud": .string("https://mcp.example.com/billing/mcp")], "the token is not for this resource"),
                (["aud": .array([])], "the token is not for this resource"),
                (["iss": .string("https://evil.example")], "the token's issuer is not accepted"),
                (["exp": .integer(now - 31)], "the token has expired"),
                (["nbf": .integer(now + 31)], "the token is not valid yet"),
                (["exp": .null], "the token's exp is not a time"),
                (["sub": .string("")], "the token names no subject"),
            ]
            for (spoiled, description) in broken {
                try await expect(try forger.sign(header, Self.claims(fixture, spoiled)), 401, description, at: fixture)
            }
            let scopeless = try forger.sign(header, Self.claims(fixture, ["scope": .string("mcp:billing")]))
            let answer = try await fixture.ask(GateFixture.request(token: scopeless))
            #expect(answer?.status == 403)
            #expect(answer?.headers["www-authenticate"]?.contains("insufficient_scope") == true)
            try await expect(
                try forger.sign(header, Self.claims(fixture, ["scope": .array([.string("mcp:analytics")])])), 204,
                at: fixture)
        }
    }

    @Test("headers that try to choose the key or the algorithm are refused")
    func headers() async throws {
        try await GateFixture.with { fixture in
            let forger = try await Forger(fixture)
            let claims = Self.claims(fixture)
            let broken: [[String: JSONValue]] = [
                ["alg": .string("none")], ["alg": .string("ES384")], ["alg": .string("RS256")],
                ["kid": .string("unknown")], ["crit": .array([.string("exp")])], ["typ": .string("id+jwt")],
                ["jku": .string("https://evil.example")], ["x5u": .string("https://evil.example")],
                ["jwk": fixture.issuer.jwks["keys"]?.arrayValue?.first ?? .null],
            ]
            for spoiled in broken {
                try await expect(try forger.sign(Self.header(fixture, spoiled), claims), 401, at: fixture)
            }
            var withoutKeyID = Self.header(fixture)
            withoutKeyID["kid"] = nil
            try await expect(try forger.sign(withoutKeyID, claims), 204, at: fixture)
        }
    }

    @Test("signatures by a stranger, by HMAC with the public key, tampered or missing are refused")
    func signatures() async throws {
        try await GateFixture.with { fixture in
            let good = try fixture.token()
            let header = Self.header(fixture)
            let claims = Self.claims(fixture)
            try await expect(
                try await Forger(stranger: ()).sign(header, claims), 401, "the token's signature is wrong", at: fixture)

            let key = try String(contentsOfFile: fixture.directory + "/issuer/key.pem", encoding: .utf8)
            let publicKey = try ES256PrivateKey(pem: key).publicKey.pemRepresentation
            let confused = try await Forger(hmac: publicKey)
            try await expect(
                try confused.sign(Self.header(fixture, ["alg": .string("HS256")]), claims), 401,
                "the token's algorithm is not accepted", at: fixture)
            try await expect(try confused.sign(header, claims), 401, "the token's signature is wrong", at: fixture)

            let parts = good.split(separator: ".").map(String.init)
            let other = Base64URL.encode(try JSONEncoder().encode(Self.claims(fixture, ["sub": .string("root")])))
            try await expect([parts[0], other, parts[2]].joined(separator: "."), 401, at: fixture)
            try await expect(parts[0] + "." + parts[1] + ".", 401, "the token is not signed", at: fixture)
            try await expect(parts[0] + "." + parts[1], 401, "the token is not a signed JWT", at: fixture)
            for index in 0..<64 {
                var signature = try #require(Base64URL.decode(parts[2].utf8))
                signature[index] ^= 1
                try await expect(parts[0] + "." + parts[1] + "." + Base64URL.encode(signature), 401, at: fixture)
            }
            try await expect(good, 204, at: fixture)
        }
    }

    @Test("RS256 tokens of a second issuer are verified, and issuers can't speak for each other")
    func secondIssuer() async throws {
        try await GateFixture.with { fixture in
            let more = [GatePolicy.Issuer(url: "https://login.example.com", jwks: RSASample.jwks)]
            try GateFixture.write(GateFixture.policy(fixture.issuer, revision: 2, more: more), to: fixture.policyFile)
            await fixture.server.reload()
            try await expect(RSASample.token, 204, at: fixture)
            try await expect(
                String(RSASample.token.dropLast(3)) + "AAQ", 401, "the token's signature is wrong", at: fixture)
            let forger = try await Forger(fixture)
            let pretender = Self.claims(fixture, ["iss": .string("https://login.example.com")])
            try await expect(
                try forger.sign(Self.header(fixture), pretender), 401, "the token's key is not known", at: fixture)
        }
    }
}
