import Crypto
import CryptoExtras
import Fleet
import Testing

@testable import Conformance

@Suite struct PartsTests {
    @Test("answers in a row are told apart, whole ones from cut ones, and 100 is none")
    func answers() {
        let text =
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\n"
            + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nx"
        let answers = AnswerReader.answers(in: Array(text.utf8))
        #expect(answers.map(\.status) == [200, 200, 404])
        #expect(answers.map(\.text) == ["ab", "abc", "x"])
        #expect(answers.map(\.isComplete) == [true, true, false])
        #expect(AnswerReader.answers(in: Array("HTTP/1.1 200 OK\r\nContent-Len".utf8)).isEmpty)
    }

    @Test("a challenge is read with quotes, escapes, tokens and commas")
    func challenge() {
        let challenge = AuthChallenge(#"Bearer scope="a b", error=invalid_token,error_description="x \"y\", z""#)
        #expect(challenge.scheme == "bearer")
        #expect(challenge.scopes == ["a", "b"])
        #expect(challenge["error"] == "invalid_token")
        #expect(challenge["error_description"] == #"x "y", z"#)
    }

    @Test(
        "an endpoint's URL is taken apart",
        arguments: [
            ("https://a.example/x/mcp", "a.example", 443, "/x/mcp"), ("http://[::1]:80/mcp/", "[::1]:80", 80, "/mcp"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", 8080, ""),
        ])
    func url(text: String, authority: String, port: Int, path: String) throws {
        let url = try EndpointURL(text)
        #expect(url.authority == authority)
        #expect(url.port == port)
        #expect(url.path == path)
    }

    @Test(
        "what is no endpoint's URL is refused",
        arguments: [
            "ftp://x/mcp", "https://", "https://a:b/mcp", "https://a@b/mcp", "https://a/mcp?x=1", "https://a/m cp",
            "mcp",
        ])
    func badURL(text: String) { #expect(throws: Failure.self) { try EndpointURL(text) } }

    @Test("every kind of key is read back and signs")
    func keys() throws {
        let pems = [
            P256.Signing.PrivateKey().pemRepresentation, P384.Signing.PrivateKey().pemRepresentation,
            P521.Signing.PrivateKey().pemRepresentation,
            try _RSA.Signing.PrivateKey(keySize: .bits2048).pemRepresentation,
        ]
        let keys = try pems.map { try SigningKey(Secret($0), keyID: "k") }
        #expect(keys.map(\.algorithm) == ["ES256", "ES384", "ES512", "RS256"])
        #expect(try keys.map { try $0.sign([1]).count } == [64, 96, 132, 256])
        let jwk = #"{"kty":"OKP","crv":"Ed25519","kid":"e","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#
        let edwards = try SigningKey(Secret(jwk))
        #expect(edwards.algorithm == "EdDSA")
        #expect(edwards.keyID == "e")
        #expect(try edwards.jwk["x"] == .string("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))
    }

    @Test("a key that can't sign, or not so, is refused without its text")
    func badKeys() throws {
        let pem = P256.Signing.PrivateKey().pemRepresentation
        #expect(throws: Failure.self) { try SigningKey(Secret(pem), algorithm: "RS256") }
        #expect(throws: Failure.self) { try SigningKey(Secret(P256.Signing.PrivateKey().publicKey.pemRepresentation)) }
        #expect(throws: Failure.self) { try SigningKey(Secret("{}")) }
    }

    @Test(
        "scopes are written as their claim says",
        arguments: [
            ("scope", #"{"scope":"a b"}"#), ("scp", #"{"scp":"a b"}"#), ("scp[]", #"{"scp":["a","b"]}"#),
            ("roles", #"{"roles":["a","b"]}"#), ("a.b.c", #"{"a":{"b":{"c":["a","b"]}}}"#),
            ("https://x.example/roles", #"{"https://x.example/roles":["a","b"]}"#),
        ])
    func scopeClaim(name: String, json: String) throws {
        let claim = try ScopeClaim(name)
        #expect(Members([(claim.path[0], claim.value(["a", "b"]))]).json == json)
    }

    @Test("what is no claim's name is refused", arguments: ["", "[]", "a..b", ".a", "a b", "r\u{f6}les"])
    func badScopeClaim(name: String) { #expect(throws: Failure.self) { try ScopeClaim(name) } }

    @Test("a client certificate is known by its thumbprint, and half of one is refused")
    func identity() throws {
        let own = try ClientIdentity.stranger()
        let read = try ClientIdentity(chain: own.chain, key: own.key)
        #expect(read.thumbprint == own.thumbprint && own.thumbprint.utf8.count == 43)
        #expect(try ClientIdentity.stranger().thumbprint != own.thumbprint)
        #expect(throws: Failure.self) { try ClientIdentity(chain: Array("x".utf8), key: own.key) }
        #expect(throws: Failure.self) { try ClientIdentity(chain: own.chain, key: Secret("x")) }
    }

    @Test("checks are chosen by id, group and pattern")
    func selection() {
        #expect(Catalogue.matching(["token.alg-none"]).map(\.id) == ["token.alg-none"])
        #expect(Catalogue.matching(["tls"]).allSatisfy { $0.group == .tls })
        #expect(Catalogue.matching(["*.foreign"]).map(\.id) == ["origin.foreign", "host.foreign"])
        #expect(Catalogue.matching(["nothing"]).isEmpty)
    }

    @Test("the table fits 80 columns and JUnit escapes what it is told")
    func texts() {
        let check = Check("token.x", "a title that goes on for a good while and is longer than a line", "RFC 1") { _ in
        }
        let long = String(repeating: "word ", count: 40) + "https://" + String(repeating: "x", count: 100)
        let fault = Fault("why <&>", sent: long, seen: "eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2lnbmF0dXJl\u{1b}[31m")
        let report = ConformanceReport([
            EndpointReport(
                url: "https://a.example/mcp", era: "legacy",
                checks: [
                    CheckReport(check, .failed(fault), seconds: 0.1), CheckReport(check, .passed, seconds: 0),
                    CheckReport(check, .skipped("no\u{0}reason"), seconds: 0),
                ])
        ])
        let text = ReportText(report).text
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(text.contains("FAIL  x") && text.contains("1 passed, 1 failed, 0 warned, 1 skipped"))
        #expect(!text.contains("eyJ") && !text.contains("\u{1b}") && text.contains("<token>"))
        let xml = JUnitText.text(report)
        #expect(xml.contains("why &lt;&amp;&gt;") && !xml.contains("\u{0}") && xml.contains("failures=\"1\""))
    }
}
