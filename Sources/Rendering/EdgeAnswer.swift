/// What the edge says itself when no instance can. The body is a JSON-RPC error without an id, so that
/// MCP clients show the message, and carries the id under which the logs know the request.
struct EdgeAnswer {
    let name: String
    let status: Int
    /// JSON-RPC error code, -32000...-32099: the server's own.
    let code: Int
    let message: String
    let headers: [Header]

    /// Whether it may have to be given before there is a request to speak of.
    let early: Bool

    struct Header { let header: String }

    private init(_ name: String, _ status: Int, _ code: Int, _ message: String, _ headers: [String]) {
        self.name = name
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers.map(Header.init)
        early = ["bad_request", "method"].contains(name)
    }

    /// With other texts.
    func map(_ change: (String) -> String) -> EdgeAnswer {
        EdgeAnswer(name, status, code, change(message), headers.map { change($0.header) })
    }

    private static let always = ["Cache-Control no-store", "X-Request-Id $request_id"]

    static let all: [EdgeAnswer] = [
        .init("bad_request", 400, -32000, "bad request; a token belongs in the Authorization header", always),
        // nginx itself copies WWW-Authenticate on 401, and drops it on 403.
        .init("unauthorized", 401, -32001, "a valid token for this resource is needed", always),
        .init("session", 404, -32004, "the session is unknown or has ended; open a new one", always),
        .init("rate", 429, -32029, "too many requests; wait", always + ["Retry-After $convoy_retry_after"]),
        .init("misdirected", 421, -32021, "another name was asked for than this edge answers to", always),
        .init("forbidden", 403, -32003, "forbidden: $convoy_reason", always + ["WWW-Authenticate $convoy_challenge"]),
        .init("not_found", 404, -32004, "nothing is served at this path", always),
        .init("method", 405, -32005, "$convoy_allow only", always + ["Allow $convoy_allow"]),
        .init("too_large", 413, -32013, "the body is larger than this pool takes", always),
        .init("unavailable", 503, -32053, "nobody can serve this now; try again shortly", always + ["Retry-After 1"]),
        .init("timeout", 504, -32054, "the server did not answer in time; it may still be at work", always),
    ]
}
