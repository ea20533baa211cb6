/// The sessions that the suite opened or was given by mistake, each to be ended: checks leave nothing behind.
actor SessionKeeper {
    private var open: [(session: String, authorization: String)] = []

    func note(_ answer: Answer, of request: Request) {
        let header = request.headers.first { $0.name == "Authorization" }
        guard answer.isServed, request.method == "POST", let session = answer["Mcp-Session-Id"], let header,
            !request.headers.contains(where: { $0.name == "Mcp-Session-Id" })
        else { return }
        open.append((session, header.value))
    }

    func ended(_ session: String) { open.removeAll { $0.session == session } }

    /// Ends all that are left. Failures count for nothing: the server forgets them in time.
    func endAll(_ bench: Bench) async {
        let left = open
        open = []
        for (session, authorization) in left {
            let request = bench.delete(session: session, nil).with("Authorization", authorization)
            _ = try? await bench.wire.exchange(
                request.bytes(), Patience(limit: 5) { AnswerReader.answers(in: $0).first?.isComplete == true })
        }
    }
}
