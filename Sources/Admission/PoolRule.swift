import Fleet

/// What admits to one pool, with every header text that does not depend on the request made ready.
package struct PoolRule: Sendable, Equatable {
    /// The group of a pool that nobody serves: the edge answers 503 there.
    package static let nobody = "convoy_none"

    package let name: String
    package let scope: String
    /// The audience that a token must be made for (RFC 8707), byte for byte.
    package let resource: String
    package let group: String
    private let tags: [String]
    private let metadata: String

    package init(_ pool: GatePolicy.Pool, url: String) {
        name = pool.name
        scope = pool.scope
        resource = "\(url)/\(pool.name)/mcp"
        group = pool.active.map { "\(pool.name)_\($0.rawValue)" } ?? Self.nobody
        tags = pool.sessions
        metadata = "\(url)/.well-known/oauth-protected-resource/\(pool.name)/mcp"
    }

    /// The group of the instance that opened a session, told by the tag that the edge put before its
    /// id (`a2.6f0c`). Nil when that instance serves no more, or never did.
    func sessionGroup(_ sessionID: String) -> String? {
        guard let dot = sessionID.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        let tag = sessionID[..<dot]
        return tags.first { $0.utf8.elementsEqual(tag.utf8) }.map { "\(name)_\($0)" }
    }

    /// RFC 9728, 5.1; no error attribute for who brought no token (RFC 6750, 3.1).
    func challenge(_ fault: TokenFault?) -> AdmissionDecision {
        var header =
            "Bearer resource_metadata=" + HeaderText.quoted(metadata) + ", scope=" + HeaderText.quoted(scope)
        if let fault {
            header += ", error=\"invalid_token\", error_description=" + HeaderText.quoted(fault.reason)
        }
        return .challenge(header: header, reason: fault?.reason ?? "no token")
    }

    func insufficientScope(subject: String) -> AdmissionDecision {
        let header =
            "Bearer error=\"insufficient_scope\", scope=" + HeaderText.quoted(scope) + ", resource_metadata="
            + HeaderText.quoted(metadata)
        return .forbid(
            challenge: header, word: .scope, subject: subject, reason: "the token's scope does not admit to this pool")
    }
}
