import Fleet
import Ports

/// What a check works with.
package struct Bench: Sendable {
    let target: Target
    let wire: any Wire
    let forge: TokenForge?
    var survey: Survey
    let sessions: SessionKeeper
    let floods = FloodTurn()
    let sight: (any InstanceSight)?
    let bait: Bait?
    let certified: CertifiedClient?
    let time: any Timepiece
    private static let limit: Seconds = 10
    private static let retries = 8

    package init(
        target: Target, wire: any Wire, forge: TokenForge?, time: any Timepiece, sight: (any InstanceSight)? = nil,
        bait: Bait? = nil, certified: CertifiedClient? = nil
    ) {
        self.target = target
        self.wire = wire
        self.forge = forge
        self.time = time
        self.sight = sight
        self.bait = bait
        self.certified = certified
        survey = Survey()
        sessions = SessionKeeper()
    }

    /// One request, one answer, over `other` or the usual wire. A connection that ends without one is a fault.
    func send(_ request: Request, over other: (any Wire)? = nil) async throws -> Reply {
        for attempt in 1... {
            let reply = try await once(request, over: other)
            // A rate limit is no verdict on the request.
            guard reply.answer.status == 429, attempt < Self.retries else { return reply }
            let wait = reply.answer["Retry-After"].flatMap(Double.init) ?? 1
            try await time.sleep(Seconds(min(max(wait, 0.2), 5)))
        }
        throw CancellationError()
    }

    /// Like `send`, but waits while the server behind says that it has no time now, which it does in a 200.
    func insist(_ request: Request) async throws -> Reply {
        for _ in 0..<Self.retries {
            let reply = try await send(request)
            let error = reply.answer.json?["error"]
            let isBusy = error?["message"]?.stringValue?.lowercased().contains("rate limit") == true
            guard reply.status == 200, error?["code"]?.integerValue == -32000, isBusy else { return reply }
            try await time.sleep(0.7)
        }
        return try await send(request)
    }

    /// Like `send`, or nil when the connection ends without an answer, which is a refusal as well.
    func attempt(_ request: Request) async throws -> Reply? {
        do { return try await send(request) } catch let silence as Silence {
            if silence.end == .limit { throw silence.fault }
            return nil
        }
    }

    /// Also when the answer is that there were too many requests.
    func once(_ request: Request, over other: (any Wire)? = nil) async throws -> Reply {
        let isHead = request.method == "HEAD"
        let received = try await raw(
            request.bytes(),
            Patience(limit: Self.limit) { AnswerReader.answers(in: $0, bodiless: isHead).first?.isComplete == true },
            sent: request.words, over: other)
        guard let answer = AnswerReader.answers(in: received.bytes, bodiless: isHead).first else {
            throw Silence(end: received.end, sent: request.words)
        }
        await sessions.note(answer, of: request)
        return Reply(answer: answer, sent: request.words)
    }

    /// The head of an answer that may go on for long.
    func head(_ request: Request) async throws -> Reply {
        let received = try await raw(
            request.bytes(), Patience(limit: Self.limit) { !AnswerReader.answers(in: $0).isEmpty }, sent: request.words)
        guard let answer = AnswerReader.answers(in: received.bytes).first else {
            throw Silence(end: received.end, sent: request.words)
        }
        return Reply(answer: answer, sent: request.words)
    }

    /// Bytes as they are; every answer that comes back.
    func burst(_ bytes: [UInt8], sent: String) async throws -> Burst {
        let received = try await raw(bytes, Patience(limit: 6, quiet: 1), sent: sent)
        return Burst(answers: AnswerReader.answers(in: received.bytes), end: received.end, sent: sent)
    }

    private func raw(
        _ bytes: [UInt8], _ patience: Patience, sent: String, over other: (any Wire)? = nil
    ) async throws -> Received {
        do { return try await (other ?? wire).exchange(bytes, patience) } catch {
            throw Fault("there is no connection", sent: sent, seen: error.reason)
        }
    }
}

/// No answer came.
struct Silence: Error {
    let end: Received.End
    let sent: String

    var fault: Fault {
        Fault(
            end == .limit ? "no answer came in time" : "the connection was closed without an answer", sent: sent,
            seen: "nothing")
    }
}

/// All answers to some bytes.
struct Burst: Sendable {
    let answers: [Answer]
    let end: Received.End
    let sent: String

    var statuses: [Int] { answers.map(\.status) }

    func fault(_ why: String) -> Fault {
        let all = answers.map(\.shown).joined(separator: " | ")
        return Fault(why, sent: sent, seen: all.isEmpty ? "no answer" : String(all.prefix(600)))
    }
}
