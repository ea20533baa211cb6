import Admission
import Fleet

/// The public keys of one issuer, ready for verification without waiting. A class, so that what was
/// verified with one set can be told from what was verified with another.
package final class KeySet: Sendable {
    private let keys: [PublicKey]
    /// Keys that were left out, in words for the log.
    package let notices: [String]
    private static let limit = 64

    package init(_ document: JSONValue, of issuer: String) {
        var keys: [PublicKey] = []
        var notices: [String] = []
        for (index, entry) in (document["keys"]?.arrayValue ?? []).prefix(Self.limit).enumerated() {
            do throws(TokenFault) {
                if let key = try PublicKey(entry) { keys.append(key) }
            } catch {
                notices.append("issuer \(issuer): key \(index) is left out: \(error.reason)")
            }
        }
        if keys.isEmpty { notices.append("issuer \(issuer): no usable key, its tokens are refused") }
        self.keys = keys
        self.notices = notices
    }

    package func standing(of token: CompactToken) -> KeyJudge.Key {
        if find(token) != nil { return .known }
        return token.keyID == nil ? .unclear : .unknown
    }

    /// Whether the key that the token names has signed it.
    package func hasSigned(_ token: CompactToken) -> Bool {
        find(token)?.hasSigned(token.signedBytes, token.signature, token.algorithm) == true
    }

    private func find(_ token: CompactToken) -> PublicKey? {
        if let keyID = token.keyID {
            return keys.first { $0.algorithms.contains(token.algorithm) && $0.id?.isExactly(keyID) == true }
        }
        let able = keys.lazy.filter { $0.algorithms.contains(token.algorithm) }
        return able.count == 1 ? able.first : nil
    }
}
