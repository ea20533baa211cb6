import Admission
import Crypto
import Fleet

/// Makes good tokens of an issuer, and bad ones of every kind.
package struct TokenForge: Sendable {
    let key: SigningKey
    let stranger: SigningKey
    private let target: Target
    /// Seconds since 1970.
    private let now: @Sendable () -> Double

    package init(_ key: SigningKey, target: Target, now: @escaping @Sendable () -> Double) throws {
        self.key = key
        stranger = try key.stranger()
        self.target = target
        self.now = now
    }

    /// A good token for the target's subject, unless `change` makes it a bad one.
    func token(subject: String? = nil, _ change: (inout TokenDraft) throws -> Void = { _ in }) throws -> String {
        var draft = draft(subject: subject ?? target.subject)
        try change(&draft)
        return try draft.text(key, stranger: stranger)
    }

    /// What a bait serves: the key that forged tokens are signed with.
    package var bait: String {
        get throws { Members.text(.object(["keys": .array([try stranger.jwk])])) }
    }

    /// Seconds from now as a claim.
    func time(_ offset: Int) -> JSONValue { .integer(Int(now()) + offset) }

    private func draft(subject: String) -> TokenDraft {
        var header: [(String, JSONValue)] = [("alg", .string(key.algorithm)), ("typ", .string("at+jwt"))]
        if let keyID = key.keyID { header.append(("kid", .string(keyID))) }
        var claims: [(String, JSONValue)] = [
            ("iss", .string(target.issuer)), ("sub", .string(subject)), ("aud", .string(target.audience)),
            ("client_id", .string("convoy-verify")),
        ]
        let unique = SymmetricKey(size: .bits128).withUnsafeBytes { Array($0) }
        claims += [
            ("iat", time(0)), ("nbf", time(0)), ("exp", time(300)), ("jti", .string(Base64URL.encode(unique))),
        ]
        var draft = TokenDraft(header: Members(header), claims: Members(claims))
        if !target.scope.isEmpty { draft.grant([target.scope], for: target) }
        return draft
    }
}
