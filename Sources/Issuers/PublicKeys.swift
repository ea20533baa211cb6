import Fleet

/// The keys of an issuer (RFC 7517) without anything that is not for everybody's eyes.
struct PublicKeys: Sendable, Equatable {
    static let limit = 64

    /// `{"keys": [...]}`; each key has public members only.
    let jwks: JSONValue
    let count: Int
    /// What was left out and why, in words for the log.
    let notices: [String]

    /// What a verifier needs of the kinds of keys there are; all else stays here.
    private static let texts = ["kty", "use", "alg", "kid", "crv", "x", "y", "n", "e"]
    private static let secrets = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

    /// An issuer that says it has no keys is believed: what it has signed before is no longer good.
    init(_ document: [String: JSONValue]) throws(IssuerFault) {
        guard let keys = document["keys"]?.arrayValue else {
            throw IssuerFault("the answer is no JWKS: it has no keys")
        }
        var kept: [JSONValue] = []
        var notices: [String] = []
        for (index, key) in keys.prefix(Self.limit).enumerated() {
            guard case .object(let members) = key, let kind = members["kty"]?.stringValue else {
                notices.append("key \(index) is left out: it is no key")
                continue
            }
            let name = "key \(members["kid"]?.stringValue?.quoted ?? String(index))"
            let found = Self.secrets.filter { members[$0] != nil }
            if !found.isEmpty {
                notices.append(
                    "\(name): the issuer publishes private members (\(found.joined(separator: ", "))), which were dropped: "
                        + "whoever read them can forge its tokens, tell its operators")
            }
            guard kind != "oct" else {
                notices.append("\(name) is left out: it is symmetric")
                continue
            }
            kept.append(.object(Self.publicMembers(members)))
        }
        if keys.count > Self.limit { notices.append("keys beyond the first \(Self.limit) are left out") }
        if kept.isEmpty { notices.append("the issuer has no public key: its tokens are refused") }
        jwks = .object(["keys": .array(kept)])
        count = kept.count
        self.notices = notices
    }

    private static func publicMembers(_ members: [String: JSONValue]) -> [String: JSONValue] {
        var kept: [String: JSONValue] = [:]
        for name in texts {
            if let text = members[name]?.stringValue { kept[name] = .string(text) }
        }
        if let operations = members["key_ops"]?.arrayValue {
            kept["key_ops"] = .array(operations.filter { $0.stringValue != nil })
        }
        return kept
    }
}
