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

        var text = value
        return text.withUTF8 { bytes in
            let scheme = bytes.prefix { $0 != 0x20 }
            guard scheme.count == 6, zip(scheme, "bearer".utf8).allSatisfy({ $0 | 0x20 == $1 }) else { return .absent }
            let token = UnsafeBufferPointer(rebasing: bytes.dropFirst(7))
            guard isToken68(token) else { return .refused("the Authorization header is malformed") }
            return .found(String(decoding: token, as: UTF8.self))
        }
    }

    /// RFC 9110, 11.2.
    private static func isToken68(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var end = text.count
        while end > 0, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
        // Without a branch or a table, so that the compiler takes many bytes at a time: this sees all of every token.
        var faults: UInt8 = 0
        for byte in UnsafeBufferPointer(rebasing: text[..<end]) {
            let letter: UInt8 = (byte | 0x20) &- 0x61 < 26 ? 1 : 0
            let dashToNine: UInt8 = byte &- 0x2d < 13 ? 1 : 0
            let other: UInt8 = (byte == 0x2b ? 1 : 0) | (byte == 0x5f ? 1 : 0) | (byte == 0x7e ? 1 : 0)
            faults |= (letter | dashToNine | other) ^ 1
        }
        return end > 0 && faults == 0
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
