/// Finds the bearer token of a request (RFC 6750, 2.1): in the `Authorization` header, and nowhere
/// else.
package enum BearerToken: Sendable, Equatable {
    /// No credentials of this kind.
    case absent
    /// Credentials that are spelt wrongly, or in a place where they must not be. The reason is ours,
    /// and so may go into a header.
    case refused(String)
    case found(String)

    package static let sizeLimit = 8192

    package static func find(in request: AccessRequest) -> BearerToken {
        if carriesToken(query: request.query) { return .refused("a token in the query string is not accepted") }
        guard let value = request.authorization.first else { return .absent }
        guard request.authorization.count == 1 else { return .refused("more than one Authorization header") }
        guard value.utf8.count <= sizeLimit else { return .refused("the token is too large") }

        let bytes = Array(value.utf8)
        let scheme = bytes.prefix { $0 != 0x20 }
        guard scheme.count == 6, scheme.map({ $0 | 0x20 }) == Array("bearer".utf8) else { return .absent }
        let token = bytes.dropFirst(7)
        guard isToken68(token) else { return .refused("the Authorization header is malformed") }
        return .found(String(decoding: token, as: UTF8.self))
    }

    private static func isToken68(_ text: ArraySlice<UInt8>) -> Bool {
        let padding = text.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        let body = text.dropLast(padding)
        return !body.isEmpty && body.allSatisfy { isToken68($0) }
    }

    private static func isToken68(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "+"),
            UInt8(ascii: "/"):
            true
        default: false
        }
    }

    /// Whether a parameter is called `access_token`, however that is spelt in percent signs.
    private static func carriesToken(query: String) -> Bool {
        if query.utf8.isEmpty { return false }
        return query.utf8.split(whereSeparator: { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: ";") })
            .contains { decodedName($0).elementsEqual("access_token".utf8) }
    }

    private static func decodedName(_ parameter: Substring.UTF8View) -> [UInt8] {
        let spelt = Array(parameter.prefix { $0 != UInt8(ascii: "=") })
        var name: [UInt8] = []
        var index = 0
        while index < spelt.count {
            if spelt[index] == UInt8(ascii: "%"), index + 2 < spelt.count,
                let value = UInt8(String(decoding: spelt[index + 1...index + 2], as: UTF8.self), radix: 16)
            {
                name.append(value | (0x41...0x5a ~= value ? 0x20 : 0))
                index += 3
            } else {
                name.append(spelt[index] | (0x41...0x5a ~= spelt[index] ? 0x20 : 0))
                index += 1
            }
        }
        return name
    }
}
