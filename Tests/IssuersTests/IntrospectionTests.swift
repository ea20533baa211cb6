import Fleet
import Foundation
import Synchronization
import Testing

@testable import Issuers

final class Box<Value: Sendable>: Sendable {
    let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
}

@Suite("Questions about opaque tokens")
struct IntrospectionTests {
    private static let secret = "s3cret: 100%/ü+"
    private static let token = "opaque-TOKEN_value+/~=="

    private func withDesk(
        _ options: LabOptions = LabOptions(), endpoint: RefresherPlan.Source? = nil, mode: Int = 0o600,
        reply: ScriptedIssuer.Reply = .json(#"{"active":true,"sub":"u","scope":"a b","exp":99}"#),
        _ body: (RefresherLab) async throws -> Void
    ) async throws {
        try await withRefresher(
            options,
            plan: { issuer, directory in
                try RefresherLab.secret(Self.secret + "\n", directory + "/secret", mode: mode)
                return RefresherPlan(
                    revision: 1,
                    issuers: [
                        .init(
                            url: issuer.origin, keys: nil,
                            introspection: .init(
                                endpoint: endpoint ?? .url(issuer.origin + "/introspect"), clientID: "con voy:1",
                                secretFile: directory + "/secret"))
                    ])
            },
            script: { $0.script("/introspect", reply) }
        ) { lab async throws in
            try await body(lab)
            #expect(!lab.journal.text.contains(Self.token) && !lab.journal.text.contains("s3cret"))
        }
    }

    private func reason(_ answer: UnixClient.Answer) -> String { answer.json["reason"]?.stringValue ?? "" }

    @Test("the issuer is asked with our credentials and the token, and its answer handed on")
    func asked() async throws {
        try await withDesk { lab async throws in
            let answer = try await lab.introspect(Self.token)
            #expect(answer.status == 200 && answer.json["active"] == .bool(true))
            #expect(answer.json["sub"]?.stringValue == "u" && answer.json["exp"]?.integerValue == 99)
            let question = try #require(lab.issuer.questions("/introspect").first)
            #expect(question.line == "POST /introspect")
            #expect(question.body == "token=opaque-TOKEN_value%2B%2F%7E%3D%3D&token_type_hint=access_token")
            #expect(question.headers["Content-Type"] == ["application/x-www-form-urlencoded"])
            let credentials = "con+voy%3A1:s3cret%3A+100%25%2F%C3%BC%2B"
            #expect(question.headers["Authorization"] == ["Basic " + Data(credentials.utf8).base64EncodedString()])
        }
    }

    @Test("a token that is not active is just that, whatever else the issuer says")
    func inactive() async throws {
        try await withDesk(reply: .json(#"{"active":false,"sub":"u"}"#)) { lab async throws in
            let answer = try await lab.introspect(Self.token)
            #expect(answer.status == 200 && answer.text == #"{"active":false}"#)
        }
    }

    @Test("what an issuer says about another issuer's token admits nobody")
    func otherIssuer() async throws {
        try await withDesk(reply: .json(#"{"active":true,"iss":"https://other.example"}"#)) { lab async throws in
            #expect(try await lab.introspect(Self.token).text == #"{"active":false}"#)
        }
    }

    @Test(
        "an answer that leaves it open is no answer, and the token is in no reason",
        arguments: [
            (.json("{}"), "does not say"), (.json(#"{"active":"true"}"#), "does not say"),
            (.json(#"{"active":1}"#), "does not say"), (.json(#"{"active":true,"active":false}"#), "twice"),
            (.answer(401, body: "opaque-TOKEN_value+/~=="), "refuses the client secret"),
            (.answer(500, body: "opaque-TOKEN_value+/~=="), "HTTP 500"),
            (.answer(200, body: "opaque-TOKEN_value+/~=="), "JSON"),
            (.answer(302, ["Location": "/other"], body: ""), "not followed"), (.hangUp, "closed"),
            (.endless, "longer than 65536 bytes"),
        ] as [(ScriptedIssuer.Reply, String)])
    func unclear(reply: ScriptedIssuer.Reply, why: String) async throws {
        try await withDesk(reply: reply) { lab async throws in
            let answer = try await lab.introspect(Self.token)
            #expect(answer.status == 503 && reason(answer).contains(why), "\(answer.text)")
            #expect(!answer.text.contains(Self.token) && !answer.text.contains("s3cret"))
            #expect(lab.issuer.questions("/other").isEmpty)
        }
    }

    @Test("a secret that others may read is not used, and the issuer not asked", arguments: [0o640, 0o604, 0o620])
    func readable(mode: Int) async throws {
        try await withDesk(mode: mode) { lab async throws in
            let answer = try await lab.introspect(Self.token)
            #expect(answer.status == 503 && reason(answer).contains("others may read it"))
            #expect(lab.issuer.questions("/introspect").isEmpty)
            #expect(lab.journal.text.contains("others may read it"))
            #expect(try await lab.get("/healthz").text.contains("others may read it"))
        }
    }

    @Test("a rotated secret is used without a reload; a missing one is told")
    func rotated() async throws {
        try await withDesk { lab async throws in
            try RefresherLab.secret("next", lab.directory + "/secret")
            #expect(try await lab.introspect(Self.token).status == 200)
            let expected = "Basic " + Data("con+voy%3A1:next".utf8).base64EncodedString()
            #expect(lab.issuer.questions("/introspect").last?.headers["Authorization"] == [expected])
            try FileManager.default.removeItem(atPath: lab.directory + "/secret")
            #expect(reason(try await lab.introspect(Self.token)).contains("No such file"))
        }
    }

    @Test("the endpoint is found in the issuer's metadata, once for a crowd")
    func discovered() async throws {
        let place = "/.well-known/openid-configuration"
        try await withDesk(endpoint: .discover) { lab async throws in
            #expect(reason(try await lab.introspect(Self.token)).contains("no metadata that names"))
            let origin = lab.issuer.origin
            lab.issuer.script(
                place, .json(#"{"issuer":"\#(origin)","introspection_endpoint":"\#(origin)/introspect"}"#))
            // The failure is remembered for a second.
            #expect(try await lab.introspect(Self.token).status == 503)
            #expect(lab.issuer.questions(place).count == 1)
            lab.time.advance(1)
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await lab.introspect(Self.token).status } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers == Array(repeating: 200, count: 20))
            #expect(lab.issuer.questions(place).count == 2)
        }
    }

    @Test("too many questions at once are refused instead of piled up")
    func bounded() async throws {
        var options = LabOptions()
        options.limits.questions = 2
        try await withDesk(options, reply: .silence) { lab async throws in
            let client = try UnixClient(lab.socket)
            let other = try UnixClient(lab.socket)
            for client in [client, other] {
                let body = #"{"issuer":"\#(lab.issuer.origin)","token":"t"}"#
                client.send("POST /introspect HTTP/1.1\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            await lab.issuer.untilAsked("/introspect", times: 2)
            #expect(reason(try await lab.introspect(Self.token)).contains("too many questions"))
            client.close()
            other.close()
        }
    }

    @Test(
        "a question that can't be read is refused without an echo",
        arguments: [
            "", "{", "[]", #"{"token":"SECRETTOKEN"}"#, #"{"issuer":"ORIGIN","token":""}"#,
            #"{"issuer":"ORIGIN","token":"SECRET TOKEN"}"#, #"{"issuer":"ORIGIN","token":"SECRET\r\nTOKEN"}"#,
            #"{"issuer":"ORIGIN","token":7}"#, #"{"issuer":"ORIGIN","token":"a","token":"SECRETTOKEN"}"#,
            #"{"issuer":"ORIGIN","token":""# + String(repeating: "t", count: 8193) + "\"}",
        ])
    func malformed(body: String) async throws {
        try await withDesk { lab async throws in
            let answer = try await lab.post(body.replacingOccurrences(of: "ORIGIN", with: lab.issuer.origin))
            #expect(answer.status == 400 && !answer.text.contains("SECRET"))
            #expect(lab.issuer.questions("/introspect").isEmpty)
        }
    }

    @Test("unknown issuers and those without introspection are 404; one without keys has none to give")
    func unknown() async throws {
        try await withDesk { lab async throws in
            #expect(try await lab.introspect(Self.token, issuer: "https://other.example").status == 404)
            #expect(try await lab.keys().status == 404)
        }
        try await withRefresher { lab async throws in #expect(try await lab.introspect(Self.token).status == 404) }
    }
}
