import Fleet

/// The claim that an issuer writes scopes into, and whether it writes them as one text or as a list.
package struct ScopeClaim: Sendable, Equatable {
    /// The claim itself, then the members below it. Never empty.
    let path: [String]
    let isList: Bool

    package static let standard = ScopeClaim(path: ["scope"], isList: false)

    /// Reads `scope`, `scp`, `roles`, `realm_access.roles` or `https://example.com/roles`. `scope` and `scp` are
    /// one text, all others a list; `[]` at the end makes any of them a list. A name with `://` in it is no path.
    package init(_ text: String) throws {
        let name = text.hasSuffix("[]") ? String(text.dropLast(2)) : text
        let path =
            name.contains("://")
            ? [name] : name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard path.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x21...0x7e).contains($0) } }) else {
            throw Failure(
                .usage, "cannot use this claim of scopes", because: "\"\(Redaction.text(text))\" is no name of a claim",
                next: "name it as the token has it: scp, roles, realm_access.roles, groups[]")
        }
        self.init(path: path, isList: text.hasSuffix("[]") || !["scope", "scp"].contains(name))
    }

    private init(path: [String], isList: Bool) {
        self.path = path
        self.isList = isList
    }

    /// What the first claim of the path holds.
    func value(_ scopes: [String]) -> JSONValue {
        let innermost: JSONValue =
            isList ? .array(scopes.map { .string($0) }) : .string(scopes.joined(separator: " "))
        return path.dropFirst().reversed().reduce(innermost) { .object([$1: $0]) }
    }
}

extension TokenDraft {
    /// Writes these scopes where the target's issuer does; nil = no such claim.
    mutating func grant(_ scopes: [String]?, for target: Target) {
        claims.set(target.scopeClaim.path[0], scopes.map(target.scopeClaim.value))
    }
}
