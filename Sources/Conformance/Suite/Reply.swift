/// An answer and what it answers, so that a fault can tell of both.
struct Reply: Sendable {
    let answer: Answer
    let sent: String

    var status: Int { answer.status }

    func fault(_ why: String) -> Fault { Fault(why, sent: sent, seen: answer.shown) }

    @discardableResult
    func must(be statuses: Int..., orElse why: String) throws -> Reply {
        guard statuses.contains(status) else { throw fault(why) }
        return self
    }

    /// The answer to a request with a token that isn't good: 401 and nothing else.
    func mustBeUnauthorized(_ what: String) throws {
        if answer.isServed { throw fault("\(what) was admitted") }
        guard status == 401 else { throw fault("\(what) was answered with \(status), not 401") }
    }

    /// Any refusal of the client's making; never served, never an error of the edge.
    func mustBeRefused(_ what: String) throws {
        if answer.isServed { throw fault("\(what) was served") }
        if (500..<600).contains(status) { throw fault("\(what) made the edge fail") }
        guard (400..<500).contains(status) else { throw fault("\(what) was answered with \(status)") }
    }

    func mustBeAdmitted(_ what: String) throws {
        guard answer.isServed else { throw fault("\(what) was not admitted") }
    }

    var challenges: [AuthChallenge] { answer.values("WWW-Authenticate").map(AuthChallenge.init) }

    func bearerChallenge() throws -> AuthChallenge {
        guard let challenge = challenges.first(where: { $0.scheme == "bearer" }) else {
            throw fault("there is no WWW-Authenticate: Bearer")
        }
        return challenge
    }
}
