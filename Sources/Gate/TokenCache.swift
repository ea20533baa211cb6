import Admission
import Crypto
import Synchronization

/// Tokens whose signature was verified, under the digest of the whole token. Only good ones come in,
/// so that a flood of bad ones can't push them out; claims are judged again on each request.
package final class TokenCache: Sendable {
    private struct Entries: Sendable {
        var claims: [SHA256Digest: TokenClaims] = [:]
        /// In order of arrival; a ring once `limit` is reached.
        var order: [SHA256Digest] = []
        var oldest = 0
    }

    private let limit: Int
    private let entries = Mutex(Entries())

    package init(limit: Int = 4096) { self.limit = max(1, limit) }

    package var count: Int { entries.withLock { $0.claims.count } }

    package static func key(_ token: String) -> SHA256Digest {
        var hash = SHA256()
        var token = token
        token.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return hash.finalize()
    }

    /// Nil for one not seen, or whose time is over.
    package func claims(for key: SHA256Digest, now: Double, leeway: Double) -> TokenClaims? {
        entries.withLock { entries in
            guard let claims = entries.claims[key] else { return nil }
            return now < claims.expires + leeway ? claims : nil
        }
    }

    package func insert(_ claims: TokenClaims, for key: SHA256Digest) {
        entries.withLock { entries in
            if entries.claims.updateValue(claims, forKey: key) != nil { return }
            if entries.order.count < limit {
                entries.order.append(key)
            } else {
                entries.claims[entries.order[entries.oldest]] = nil
                entries.order[entries.oldest] = key
                entries.oldest = (entries.oldest + 1) % limit
            }
        }
    }
}
