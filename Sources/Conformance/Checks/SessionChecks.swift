/// A legacy session belongs to who opened it; whatever is wrong about one is 404 and nothing else, because
/// that is what makes a client open another.
enum SessionChecks {
    private static let lost = "MCP Transports 2025-11-25, Session Management"
    private static let hijack = "MCP Security Best Practices, Session Hijacking"
    private static let needs: Set<Need> = [.key, .legacy, .sessions]

    private static func check(
        _ name: String, _ title: String, _ reference: String, _ severity: Check.Severity = .must,
        needs more: Set<Need> = [], run: @escaping @Sendable (Bench, Session) async throws -> Void
    ) -> Check {
        Check("sessions.\(name)", title, reference, severity, needs: needs.union(more)) { bench in
            try await run(bench, Session.open(bench))
        }
    }

    static let all: [Check] = plain + foreign + edited

    private static let plain: [Check] = [
        check("owner", "who opened a session may go on with it", lost) { bench, session in
            try await session.mustLive(bench, bench.goodToken(), "its owner, with the same token or a new one")
        },
        check("without-token", "a session id is no credential", hijack) { bench, session in
            try await bench.send(bench.ping(session: session.id, nil).saying("POST in a session, without a token"))
                .mustBeUnauthorized("a session id without a token")
        },
        check("wrong-scope", "a session does not outweigh the scope", hijack, needs: [.scope]) { bench, session in
            let token = try bench.needForge().token { $0.grant([bench.target.wrongScope], for: bench.target) }
            try await bench.send(
                bench.ping(session: session.id, token).saying("POST in a session, token of another scope")
            )
            .must(be: 403, orElse: "a token of another scope was not answered 403")
        },
        check("ended", "a session that was ended is 404", lost) { bench, session in
            let reply = try await bench.send(bench.delete(session: session.id, session.token))
            guard reply.answer.isServed else { throw Skip("the server lets no client end a session (\(reply.status))") }
            await bench.sessions.ended(session.id)
            try await bench.send(
                bench.ping(session: session.id, session.token).saying("POST in a session after its DELETE")
            )
            .must(be: 404, orElse: "an ended session was not answered 404")
        },
        check("visible-ascii", "session ids are visible ASCII", lost) { _, session in
            guard session.id.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
                throw Fault("the id has other characters", sent: "POST initialize", seen: "an id with other characters")
            }
        },
        check("unguessable", "session ids are long and differ", lost) { bench, session in
            let other = try await Session.open(bench)
            guard other.id != session.id, session.id.utf8.count >= 20 else {
                throw Fault(
                    "two ids are equal or an id is short", sent: "POST initialize twice",
                    seen: "ids of \(session.id.utf8.count) characters")
            }
        },
        Check("sessions.unknown", "an unknown session is 404", lost, needs: needs) { bench in
            for id in [
                "convoy-verify-unknown", "00000000-0000-0000-0000-000000000000", "a1.convoy-verify-unknown", "b64.x",
                "z9.x", ".", "a1.",
            ] {
                try await bench.send(
                    bench.ping(session: id, bench.goodToken()).saying("POST in the unknown session \(id)")
                )
                .must(be: 404, orElse: "an unknown session was not answered 404")
            }
        },
        Check("sessions.unknown-delete", "DELETE of an unknown session is 404", lost, needs: needs) { bench in
            let request = bench.delete(session: "a1.convoy-verify-unknown", try bench.goodToken())
            try await bench.send(request.saying("DELETE of an unknown session")).must(
                be: 404, orElse: "it was not answered 404")
        },
        Check("sessions.odd-ids", "an id that no server would make fails nothing", lost, needs: needs) { bench in
            for id in ["../../etc/passwd", "a1.%00", "'\";$(x)", "a1." + String(repeating: "x", count: 3000)] {
                let request = bench.ping(session: id, try bench.goodToken()).saying("POST in a session with an odd id")
                try await bench.attempt(request)?.mustBeRefused("an odd session id")
            }
        },
    ]

    private static let foreign: [Check] = [
        check("other-subject", "another subject's session is 404", hijack) { bench, session in
            let token = try bench.goodToken(subject: bench.target.otherSubject)
            try await bench.send(bench.ping(session: session.id, token).saying("POST in another subject's session"))
                .must(be: 404, orElse: "another subject's session was not answered 404")
        },
        check("other-subject-delete", "nobody else can end a session", hijack) { bench, session in
            let token = try bench.goodToken(subject: bench.target.otherSubject)
            try await bench.send(bench.delete(session: session.id, token).saying("DELETE of another subject's session"))
                .must(be: 404, orElse: "another subject's session was not answered 404")
            try await session.mustLive(bench, session.token, "its owner, after another subject's DELETE")
        },
        check("other-subject-stream", "nobody else can listen to a session", hijack) { bench, session in
            let token = try bench.goodToken(subject: bench.target.otherSubject)
            let reply = try await bench.head(
                bench.stream(session: session.id, token).saying("GET of another subject's stream"))
            try reply.must(be: 404, orElse: "another subject's stream was not answered 404")
        },
        check("similar-subject", "subjects are compared exactly", hijack) { bench, session in
            for subject in [bench.target.subject.uppercased(), bench.target.subject + " "] {
                let token = try bench.goodToken(subject: subject)
                let reply = try await bench.send(
                    bench.ping(session: session.id, token).saying("POST in the session of a similar subject"))
                try reply.must(be: 404, 401, orElse: "a similar subject was let in")
            }
        },
    ]

    private static let edited: [Check] = [
        check("edited-tag", "a session id with another routing tag is 404", hijack) { bench, session in
            guard let dot = session.id.firstIndex(of: ".") else { throw Skip("the ids have no routing tag (TAG.ID)") }
            let bare = session.id[session.id.index(after: dot)...]
            let tags =
                (1...3).flatMap { ["a\($0)", "b\($0)"] }.filter { $0 != session.id[..<dot] } + ["A1", "a01", ""]
            for id in tags.map({ "\($0).\(bare)" }) + [String(bare)] {
                try await bench.send(
                    bench.ping(session: id, session.token).saying(
                        "POST with an edited tag (\(id.prefix { $0 != "." }))")
                )
                .must(be: 404, orElse: "an edited tag was not answered 404")
            }
        },
        check("edited-id", "a session id with one character changed is 404", hijack) { bench, session in
            let last = session.id.last == "0" ? "1" : "0"
            for id in [session.id.dropLast() + last, session.id + "0", String(session.id.dropLast())] {
                try await bench.send(bench.ping(session: id, session.token).saying("POST with an edited session id"))
                    .must(be: 404, orElse: "an edited id was not answered 404")
            }
        },
    ]
}

/// A session that the target's subject opened, ready for use.
struct Session: Sendable {
    let id: String
    let token: String

    static func open(_ bench: Bench) async throws -> Session {
        let token = try bench.goodToken()
        let reply = try await bench.send(bench.initialize(token).saying("POST initialize with a good token"))
        guard reply.status == 200, let id = reply.answer["Mcp-Session-Id"] else {
            throw reply.fault("initialize was not answered with a session")
        }
        let note = Bench.message("notifications/initialized", nil, id: nil)
        var request = bench.ping(session: id, token).saying("POST notifications/initialized in its session")
        request.body = Array(note.utf8)
        try await bench.send(request).mustBeAdmitted("the session's first message")
        return Session(id: id, token: token)
    }

    func mustLive(_ bench: Bench, _ token: String, _ who: String) async throws {
        let reply = try await bench.send(bench.ping(session: id, token).saying("POST ping in a session by \(who)"))
        try reply.must(be: 200, 202, orElse: "the session does not go on for \(who)")
    }
}
