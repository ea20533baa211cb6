import Fleet

/// Reads single claims. Absent is one thing, of the wrong type another.
struct ClaimReader {
    private let payload: JSONValue

    init(_ payload: JSONValue) { self.payload = payload }

    func time(_ name: String) throws(TokenFault) -> Double? {
        switch payload[name] {
        case nil: return nil
        case .integer(let seconds)?: return Double(seconds)
        case .number(let seconds)? where seconds.isFinite: return seconds
        default: throw TokenFault("the token's \(name) is not a time")
        }
    }

    /// Text as `split` has it, or an array of texts.
    func texts(
        _ value: JSONValue?, _ name: String, split: (String) -> [String]
    ) throws(TokenFault) -> [String] {
        switch value {
        case nil: return []
        case .string(let text)?: return split(text)
        case .array(let items)?:
            let texts = items.compactMap(\.stringValue)
            guard texts.count == items.count else { throw TokenFault("the token's \(name) is malformed") }
            return texts
        default: throw TokenFault("the token's \(name) is malformed")
        }
    }

    /// The first of these claims that is there.
    func someone(_ names: [String]) throws(TokenFault) -> String {
        for name in names {
            guard let value = payload[name] else { continue }
            guard let text = value.stringValue, !text.isEmpty else {
                throw TokenFault("the token's \(name) is malformed")
            }
            return text
        }
        throw TokenFault("the token names no subject")
    }

    /// From the claim at `path`, or from `scope` (RFC 9068, 2.2.3), else `scp`.
    func scopes(at path: String?) throws(TokenFault) -> [String] {
        let words: (String) -> [String] = { $0.split(separator: " ").map(String.init) }
        guard let path else { return try texts(payload["scope"] ?? payload["scp"], "scope", split: words) }
        return try texts(try value(at: path), "claim of scopes", split: words)
    }

    /// A claim's own name may hold dots, as that of a namespaced one does; only then it is a path.
    private func value(at path: String) throws(TokenFault) -> JSONValue? {
        if let value = payload[path] { return value }
        var value = payload
        for step in path.split(separator: ".") {
            guard case .object(let members) = value else {
                throw TokenFault("the token's claim of scopes is malformed")
            }
            guard let next = members[String(step)] else { return nil }
            value = next
        }
        return value
    }

    /// What the token is bound to (RFC 7800, 3.1). A token that is bound to anything else than a
    /// certificate is refused, also if it is a certificate *and* something else: it would be treated as
    /// a bearer token then, and whoever stole it could use it.
    func certificate() throws(TokenFault) -> [UInt8]? {
        guard let confirmation = payload["cnf"] else { return nil }
        guard case .object(let members) = confirmation, !members.isEmpty else {
            throw TokenFault("the token's cnf is malformed")
        }
        if members["jkt"] != nil { throw TokenFault("the token is bound to a key that can't be checked here (DPoP)") }
        guard members.count == 1, let thumbprint = members["x5t#S256"] else {
            throw TokenFault("the token is bound to something that can't be checked here")
        }
        guard let digest = Base64URL.decode((thumbprint.stringValue ?? "").utf8), digest.count == 32 else {
            throw TokenFault("the token's cnf is malformed")
        }
        return digest
    }
}
