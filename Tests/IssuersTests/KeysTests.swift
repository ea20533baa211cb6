import Fleet
import Foundation
import Testing

@testable import Issuers

@Suite("Keys through the refresher")
struct KeysTests {
    private func kids(_ answer: UnixClient.Answer) -> [String] {
        (answer.json["jwks"]?["keys"]?.arrayValue ?? []).map { $0["kid"]?.stringValue ?? "-" }
    }

    private func reason(_ answer: UnixClient.Answer) -> String { answer.json["reason"]?.stringValue ?? "" }

    @Test("the first question waits for the first fetch and gets issuer, keys and their age")
    func first() async throws {
        try await withRefresher { lab async throws in
            let answer = try await lab.keys()
            #expect(answer.status == 200 && kids(answer) == ["one"])
            #expect(answer.json["issuer"]?.stringValue == lab.issuer.origin)
            #expect(answer.json["fetchedAt"]?.integerValue == 1_700_001_000)
            #expect(answer.raw.contains("Content-Type: application/json"))
            #expect(lab.issuer.questions("/keys").count == 1)
        }
    }

    @Test("private members of published keys go nowhere, and their publication is told")
    func privateMembers() async throws {
        let document =
            SampleKeys.jwks("leaky", extra: #","d":"c2VjcmV0","x5c":["MII"]"#).dropLast(2)
            + #",{"kty":"oct","kid":"shared","k":"c3ltbWV0cmlj"},{"kty":"RSA","kid":"r","n":"bg","e":"AQAB","p":"cA","q":"cQ","dp":"1","dq":"2","qi":"3","oth":[]},7,{}]}"#
        try await withRefresher(script: { $0.script("/keys", .json(String(document))) }) { lab async throws in
            let answer = try await lab.keys()
            #expect(kids(answer) == ["leaky", "r"])
            for secret in ["c2VjcmV0", "c3ltbWV0cmlj", "\"d\"", "\"p\"", "\"k\"", "oth", "x5c"] {
                #expect(!answer.text.contains(secret), "\(secret)")
            }
            await lab.journal.until("key 4 is left out")
            #expect(lab.journal.text.contains("key \"leaky\": the issuer publishes private members (d)"))
            #expect(
                lab.journal.text.contains("key \"r\": the issuer publishes private members (p, q, dp, dq, qi, oth)"))
            #expect(lab.journal.text.contains("key \"shared\" is left out: it is symmetric"))
            #expect(!lab.journal.text.contains("c2VjcmV0") && !lab.journal.text.contains("c3ltbWV0cmlj"))
        }
    }

    private func discovering(_ path: String) -> (ScriptedIssuer, String) throws -> RefresherPlan {
        { issuer, _ in RefresherPlan(revision: 1, issuers: [.init(url: issuer.origin + path, keys: .discover)]) }
    }

    @Test(
        "keys are found through each of the places where metadata can be",
        arguments: [
            ("/t", "/.well-known/oauth-authorization-server/t"), ("/t", "/.well-known/openid-configuration/t"),
            ("/t", "/t/.well-known/openid-configuration"), ("", "/.well-known/oauth-authorization-server"),
            ("", "/.well-known/openid-configuration"), ("/", "/.well-known/openid-configuration"),
        ])
    func discovery(path: String, place: String) async throws {
        try await withRefresher(
            plan: discovering(path),
            script: { issuer in
                let (url, keys) = (issuer.origin + path, issuer.origin + "/keys")
                issuer.script(place, .json(#"{"issuer":"\#(url)","jwks_uri":"\#(keys)"}"#))
            }
        ) { lab async throws in
            let answer = try await lab.keys(lab.issuer.origin + path)
            #expect(answer.status == 200 && kids(answer) == ["one"])
        }
    }

    @Test(
        "metadata is believed only when its issuer is the wished one, byte for byte, and its keys can be trusted",
        arguments: [
            (#"{"issuer":"ORIGIN/","jwks_uri":"ORIGIN/keys"}"#, "it is the metadata of"),
            (#"{"issuer":"https://evil.example","jwks_uri":"ORIGIN/keys"}"#, "it is the metadata of"),
            (#"{"jwks_uri":"ORIGIN/keys"}"#, "it names no issuer"),
            (#"{"issuer":"ORIGIN"}"#, "it names no jwks_uri"),
            (#"{"issuer":"ORIGIN","issuer":"ORIGIN","jwks_uri":"ORIGIN/keys"}"#, "a name is there twice"),
            (#"{"issuer":"ORIGIN","jwks_uri":"http://192.0.2.1/keys"}"#, "is not https"),
            (#"{"issuer":"ORIGIN","jwks_uri":"file:///etc/passwd"}"#, "is no http or https URL"),
            (#"{"issuer":"ORIGIN","jwks_uri":"http://127.0.0.1@evil.example/"}"#, "user or password"),
            ("[]", "no JSON object"), ("<html>", "no JSON"),
        ])
    func badMetadata(document: String, why: String) async throws {
        try await withRefresher(
            plan: discovering(""),
            script: {
                let text = document.replacingOccurrences(of: "ORIGIN", with: $0.origin)
                $0.script("/.well-known/oauth-authorization-server", .json(text))
            }
        ) { lab async throws in
            let answer = try await lab.keys()
            #expect(answer.status == 503 && reason(answer).contains(why), "\(answer.text)")
            #expect(lab.issuer.questions("/keys").isEmpty)
        }
    }

    @Test("a discovered place is asked again only when it fails, and then found anew")
    func moved() async throws {
        let place = "/.well-known/oauth-authorization-server"
        try await withRefresher(
            plan: discovering(""),
            script: { $0.script(place, .json(#"{"issuer":"\#($0.origin)","jwks_uri":"\#($0.origin)/keys"}"#)) }
        ) { lab async throws in
            _ = try await lab.keys()
            #expect(kids(try await lab.keys(fresh: true)) == ["one"])
            #expect(lab.issuer.questions(place).count == 1)
            let origin = lab.issuer.origin
            lab.issuer.script("/keys", .answer(404, body: ""))
            lab.issuer.script("/moved", .json(SampleKeys.jwks("two")))
            lab.issuer.script(place, .json(#"{"issuer":"\#(origin)","jwks_uri":"\#(origin)/moved"}"#))
            await lab.time.untilSleeping(for: 600)
            lab.time.advance(600)
            await lab.journal.until("not fetched")
            await lab.time.untilSleeping(for: 2)
            lab.time.advance(2)
            await lab.issuer.untilAsked("/moved", times: 1)
            await lab.time.untilSleeping(for: 600)
            #expect(kids(try await lab.keys()) == ["two"])
        }
    }

    @Test("a redirect is not followed, and told")
    func redirect() async throws {
        try await withRefresher(script: {
            $0.script("/keys", .answer(302, ["Location": $0.origin + "/elsewhere"], body: ""))
        }) { lab async throws in
            let answer = try await lab.keys()
            #expect(answer.status == 503 && reason(answer).contains("HTTP 302 to \"\(lab.issuer.origin)/elsewhere\""))
            #expect(lab.issuer.questions("/elsewhere").isEmpty)
        }
    }

    @Test(
        "an answer that is too long, broken off, no JWKS or no JSON gives no keys",
        arguments: [
            (.endless, "longer than 1048576 bytes"), (.hangUp, "closed"), (.answer(500, body: "secret"), "HTTP 500"),
            (.json(#"{"keys":"#), "no JSON"), (.json("{}"), "no JWKS"), (.json(#"{"keys":7}"#), "no JWKS"),
            (.json(#"{"keys":[],"keys":[]}"#), "twice"),
            (.answer(200, body: String(repeating: " ", count: 1 << 20) + "{}"), "longer than"),
            (.json(String(repeating: "[", count: 500_000)), "nested too deeply"),
        ] as [(ScriptedIssuer.Reply, String)])
    func badKeys(reply: ScriptedIssuer.Reply, why: String) async throws {
        try await withRefresher(script: { $0.script("/keys", reply) }) { lab async throws in
            let answer = try await lab.keys()
            #expect(answer.status == 503 && reason(answer).contains(why), "\(answer.text)")
            #expect(!answer.text.contains("secret"))
        }
    }

    @Test(
        "an issuer that says nothing, or not all, is given up in time",
        arguments: [.silence, .stall] as [ScriptedIssuer.Reply])
    func silence(reply: ScriptedIssuer.Reply) async throws {
        var options = LabOptions()
        options.limits.time = 0.2
        try await withRefresher(options, script: { $0.script("/keys", reply) }) { lab async throws in
            let answer = try await lab.keys()
            #expect(answer.status == 503 && reason(answer).contains("no whole answer within 200ms"), "\(answer.text)")
        }
    }

    @Test("an issuer that is not there at all is told as such")
    func refused() async throws {
        try await withRefresher { lab async throws in
            try lab.write(
                RefresherPlan(
                    revision: 2, issuers: [.init(url: "http://127.0.0.1:1", keys: .url("http://127.0.0.1:1/k"))]))
            await lab.server.reload()
            let answer = try await lab.keys("http://127.0.0.1:1")
            #expect(answer.status == 503 && reason(answer).contains("connection refused"), "\(answer.text)")
        }
    }

    @Test("an issuer that publishes no key any more is believed")
    func emptied() async throws {
        try await withRefresher { lab async throws in
            _ = try await lab.keys()
            lab.issuer.script("/keys", .json(#"{"keys":[]}"#))
            let answer = try await lab.keys(fresh: true)
            #expect(answer.status == 200 && kids(answer).isEmpty)
            #expect(try await lab.get("/healthz").text.contains("no public key"))
        }
    }

    @Test("an issuer that is not in the plan is unknown, whatever it looks like")
    func unknown() async throws {
        try await withRefresher { lab async throws in
            #expect(try await lab.keys("https://other.example").status == 404)
            #expect(try await lab.keys(lab.issuer.origin + "/").status == 404)
            #expect(try await lab.keys("").status == 404)
            #expect(try await lab.get("/keys").status == 400)
            #expect(try await lab.get("/keys?issuer=a&issuer=b").status == 400)
            #expect(try await lab.get("/keys?issuer=%ZZ").status == 400)
        }
    }
}
