import Fleet

/// Requests of one subject, as fast as may be, each with a token of its own, until one is answered 429.
struct Flood: Sendable {
    /// The answer 429.
    let refusal: Reply
    let admitted: Int
    private static let width = 16
    /// Stays below the deadline of a check.
    private static let longest = 10.0

    /// Throws a `Fault` when the edge admitted more than the limit allows, a `Skip` when this machine can't ask
    /// that fast.
    static func run(
        _ subject: String, _ bench: Bench, _ limit: RateLimit,
        _ change: @escaping @Sendable (Request, Int) -> Request = { request, _ in request }
    ) async throws -> Flood {
        try await bench.floods.run { try await start(subject, bench, limit, change) }
    }

    private static func start(
        _ subject: String, _ bench: Bench, _ limit: RateLimit, _ change: @escaping @Sendable (Request, Int) -> Request
    ) async throws -> Flood {
        let start = bench.time.now().value
        var admitted = 0
        while true {
            let replies = try await wave(subject, bench, admitted, change)
            if let refusal = replies.first(where: { $0.status == 429 }) {
                return Flood(refusal: refusal, admitted: admitted)
            }
            if let reply = replies.first(where: { [401, 403].contains($0.status) || $0.status >= 500 }) {
                throw reply.fault("a good token was neither admitted nor answered 429")
            }
            admitted += replies.count
            let elapsed = bench.time.now().value - start
            // What was asked last may not have been counted yet when the first of it was.
            if Double(admitted) > (Double(limit.burst) + limit.perSecond * (elapsed + 1)) * 1.1 + Double(width),
                let last = replies.last
            {
                throw last.fault("\(admitted) requests of one subject were admitted in \(Seconds(elapsed).text)")
            }
            if elapsed > longest {
                throw Skip("this machine asked \(admitted) times in \(Seconds(elapsed).text): too slow for the limit")
            }
        }
    }

    private static func wave(
        _ subject: String, _ bench: Bench, _ count: Int, _ change: @escaping @Sendable (Request, Int) -> Request
    ) async throws -> [Reply] {
        try await withThrowingTaskGroup(of: Reply.self) { group in
            for index in 0..<width {
                let request = change(try bench.probe(subject), count + index)
                group.addTask { try await bench.once(request) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }
}

extension Bench {
    /// A good token's request that leaves no session behind: a legacy server answers it with 400.
    func probe(_ subject: String) throws -> Request {
        let token = try goodToken(subject: subject)
        let request = survey.isModern ? discover(token) : post(Self.message("ping", nil), token: token)
        return request.saying("POST of \(subject), a new token each time")
    }
}
