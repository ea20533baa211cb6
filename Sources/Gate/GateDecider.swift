import Admission
import NIOCore

/// From a question to the answer: what the contract with the edge says, and nothing of sockets.
struct GateDecider: Sendable {
    let shelf: PolicyShelf
    let owners: OwnerJudge
    let audit: AuditLog
    /// Seconds since 1970.
    let clock: @Sendable () -> Double

    enum Reply {
        case now(GateAnswer)
        /// `leave` when nobody wants it any more; it is complete then.
        case later(EventLoopFuture<GateAnswer>, leave: () -> Void)
    }

    /// The answer at once, unless the refresher has to be asked first.
    func reply(to question: Question, on loop: any EventLoop) -> Reply {
        switch question.aim {
        case .authorize where question.isOdd: .now(refuseOdd(question.access))
        case .authorize: authorize(question.access, on: loop)
        case .health: .now(health())
        case .session where question.isOdd: .now(GateAnswer(status: 400))
        case .session: .now(openSession(question))
        case .sessions: .now(countSessions(question.access.query))
        case .unknown: .now(GateAnswer(status: 404))
        }
    }

    private func openSession(_ question: Question) -> GateAnswer {
        guard let policy = shelf.current else { return GateAnswer(status: 503) }
        let now = clock()
        let answer = SessionRoute(sessions: owners.sessions).answer(question, pools: policy.serves, now: now)
        audit.append(AuditLine(at: now, registration: question, answer.status))
        return answer
    }

    private func countSessions(_ query: String) -> GateAnswer {
        guard let policy = shelf.current else { return GateAnswer(status: 503) }
        return SessionCount(sessions: owners.sessions).answer(query, pools: policy.pools, now: clock())
    }

    private func health() -> GateAnswer {
        let json = [(name: "Content-Type", value: "application/json")]
        guard let policy = shelf.current else {
            return GateAnswer(status: 503, headers: json, body: #"{"revision":null}"#)
        }
        return GateAnswer(status: 200, headers: json, body: #"{"revision":\#(policy.revision)}"#)
    }

    private func refuseOdd(_ request: AccessRequest) -> GateAnswer {
        guard shelf.current != nil else { return GateAnswer(status: 503) }
        let why = "a header holds control characters"
        return finish(.forbid(challenge: nil, word: .malformed, caller: nil, reason: why), of: request, now: clock())
    }

    private func authorize(_ request: AccessRequest, on loop: any EventLoop) -> Reply {
        // Fail closed: nginx answers 500 to its client.
        guard let policy = shelf.current else { return .now(GateAnswer(status: 503)) }
        let now = clock()
        switch policy.step(request, now: now) {
        case .decided(let decision): return .now(finish(decision, of: request, now: now))
        case .ask(let inquiry, let meanwhile):
            let promise = loop.makePromise(of: GateAnswer.self)
            let number = policy.inquiries.wait(for: inquiry) {
                let now = clock()
                promise.succeed(finish(policy.decide(request, now: now), of: request, now: now))
            }
            if let number {
                return .later(promise.futureResult) {
                    policy.inquiries.leave(number)
                    promise.fail(Abandoned())
                }
            }
            let answer = finish(meanwhile, of: request, now: now)
            promise.succeed(answer)
            return .now(answer)
        }
    }

    private struct Abandoned: Error {}

    /// Once per request, with its one decision.
    private func finish(_ decision: AdmissionDecision, of request: AccessRequest, now: Double) -> GateAnswer {
        let decision = owners.settle(decision, now: now)
        audit.append(AuditLine(at: now, request, decision))
        return GateAnswer(decision)
    }
}
