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

    private static func isToken68(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var end = text.count
        while end > 0, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
        let bits = token68
        var isGood = end > 0
        for byte in text[..<end] {
            let half = byte < 64 ? bits.low : byte < 128 ? bits.high : 0
            isGood = isGood && half >> UInt64(byte & 63) & 1 == 1
        }
        return isGood
    }

    /// A bit for each byte that may be in a token68 (RFC 9110, 11.2).
    private static let token68: (low: UInt64, high: UInt64) = {
        var bits: (low: UInt64, high: UInt64) = (0, 0)
        for byte in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/".utf8 {
            if byte < 64 { bits.low |= 1 << UInt64(byte) } else { bits.high |= 1 << UInt64(byte - 64) }
        }
        return bits
    }()

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
