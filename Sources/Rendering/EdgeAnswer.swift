/// What the edge says itself when no instance can. The body is a JSON-RPC error without an id, so that
/// MCP clients show the message, and carries the id under which the logs know the request.
struct EdgeAnswer {
    let name: String
    let status: Int
    /// JSON-RPC error code, -32000...-32099: the server's own.
    let code: Int
    let message: String
    let headers: [Header]

    struct Header { let header: String }

    init(_ name: String, _ status: Int, _ code: Int, _ message: String, _ headers: [String] = []) {
        self.name = name
        self.status = status
        self.code = code
        self.message = message
        let always = ["Cache-Control no-store", "X-Request-Id $request_id"]
        self.headers = (always + headers).map(Header.init)
    }

    static let all: [EdgeAnswer] = [
        .init("bad_request", 400, -32000, "bad request; a token belongs in the Authorization header"),
        // nginx itself copies WWW-Authenticate on 401, and drops it on 403.
        .init("unauthorized", 401, -32001, "a valid token for this resource is needed"),
        .init("forbidden", 403, -32003, "forbidden: $convoy_reason", ["WWW-Authenticate $convoy_challenge"]),
        .init("not_found", 404, -32004, "nothing is served at this path"),
        .init("method", 405, -32005, "POST, GET or DELETE only", [#"Allow "POST, GET, DELETE""#]),
        .init("too_large", 413, -32013, "the body is larger than 4 MB"),
        .init("unavailable", 503, -32053, "nobody can serve this now; try again shortly", ["Retry-After 1"]),
        .init("timeout", 504, -32054, "the server did not answer in time; it may still be at work"),
    ]
}
