/// Families of checks, in the order of the report: the first part of a check's id.
package enum CheckGroup: String, Sendable, CaseIterable {
    case baseline, challenge, metadata, token, header, credentials, origin, host, path, framing, methods, sessions, era
    case trust, limits, tools, rate, clients, leaks, streams, tls, bound, upstream

    /// Where to look when one of them fails.
    package var advice: String {
        switch self {
        case .baseline: "check issuer, key, audience and scope: a good token must be admitted before anything is told"
        case .challenge: "the refusal itself must carry WWW-Authenticate; nginx drops it on 403 unless told otherwise"
        case .metadata: "serve the RFC 9728 document as a static answer made from the public URL, never from Host"
        case .token: "verify signature, iss, aud, exp and nbf of every token with an allow-list of algorithms"
        case .header: "choose the key by kid from the issuer's own JWKS only; ignore or refuse what the token brings"
        case .credentials: "take a token from exactly one Authorization: Bearer header and from nowhere else"
        case .origin: "compare Origin with the edge's own, scheme, host and port exactly; refuse others with 403"
        case .host: "pin Host to the public name and build no URL from what the client sends"
        case .path: "protect by exact location; what is not exactly the endpoint is 404"
        case .framing: "refuse ambiguous framing with 400 and close; authorize every request of a connection"
        case .methods: "let only the era's methods through; the rest is 405 with Allow"
        case .sessions: "bind each session to pool, issuer and subject; anything else about it is 404"
        case .era: "see the MCP transport section of the server's protocol version"
        case .trust: "overwrite every header that the edge or its parts believe, on the way in"
        case .limits: "bound headers, URL and body at the edge, with a 4xx"
        case .tools:
            "refuse by Mcp-Method and Mcp-Name, only before servers that compare both with the body; legacy as a whole"
        case .rate: "count by issuer and subject, after the signature was verified; answer 429 with Retry-After"
        case .clients: "judge the address of the connection; believe forwarding headers from trusted proxies only"
        case .bound: "refuse every cnf that can't be checked; take the certificate from TLS, never from a header"
        case .leaks: "answer errors at the edge with fixed bodies; hide versions, paths and addresses"
        case .streams: "no response buffering for event streams"
        case .tls: "Mozilla's intermediate profile, HSTS, and a certificate for the public name"
        case .upstream: "clear Authorization, Cookie and the edge's own headers before the request goes on"
        }
    }
}
