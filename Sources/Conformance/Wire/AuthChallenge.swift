/// The parameters of a `WWW-Authenticate` challenge (RFC 9110, 11.6.1).
struct AuthChallenge: Sendable, Equatable {
    let scheme: String
    private let parameters: [String: String]

    init(_ text: String) {
        let scheme = text.prefix { $0 != " " }
        self.scheme = scheme.lowercased()
        var parameters: [String: String] = [:]
        var rest = text.dropFirst(scheme.count)
        while let equals = rest.firstIndex(of: "=") {
            let name = rest[..<equals].filter { $0 != "," && $0 != " " }.lowercased()
            rest = rest[rest.index(after: equals)...]
            let value = Self.value(&rest)
            if parameters[name] == nil { parameters[name] = value }
        }
        self.parameters = parameters
    }

    subscript(name: String) -> String? { parameters[name] }

    var scopes: [Substring] { (self["scope"] ?? "").split(separator: " ") }

    private static func value(_ rest: inout Substring) -> String {
        guard rest.first == "\"" else {
            let token = rest.prefix { $0 != "," && $0 != " " }
            rest = rest.dropFirst(token.count)
            return String(token)
        }
        var value = ""
        rest = rest.dropFirst()
        while let character = rest.popFirst(), character != "\"" {
            value.append(character == "\\" ? rest.popFirst() ?? character : character)
        }
        return value
    }
}
