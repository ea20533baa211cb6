/// OAuth scopes (RFC 6749, section 3.3), less what nginx would take for its own syntax: a scope is
/// written into the edge's `WWW-Authenticate` header.
package enum ScopeRule {
    package static func check(_ scope: String) throws(Problem) {
        let example = "write one word, such as mcp:analytics"
        guard !scope.isEmpty else { throw Problem("the scope is empty", example) }
        guard !scope.contains(where: \.isWhitespace) else {
            throw Problem("\(scope.quoted) holds a space, which separates scopes", "a pool has one scope: \(example)")
        }
        guard scope.utf8.count <= 128 else { throw Problem("the scope is longer than 128 characters", "shorten it") }
        guard scope.consists(of: { $0.isAlphanumeric || $0.isOne(of: ":._/+~@=-") }) else {
            throw Problem("\(scope.quoted) is no OAuth scope", "use letters, digits and : . _ / + ~ @ = -")
        }
    }
}
