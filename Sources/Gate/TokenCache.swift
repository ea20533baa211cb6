import Admission
import Crypto
import Synchronization

/// What was learnt about tokens, under the digest of the whole token, each for its time. Holds no more
/// than `limit`; the oldest leaves first.
package final class TokenCache<Value: Sendable>: Sendable {
    private struct Entry: Sendable {
        var value: Value
        var since: Double
        var until: Double
    }

    private struct Entries: Sendable {
        var known: [TokenDigest: Entry] = [:]
        /// In order of arrival; a ring once `limit` is reached.
        var order: [TokenDigest] = []
        var oldest = 0
    }

    /// Seconds that the clock may go back before nothing is remembered any more.
    private let slack: Double = 60
    private let limit: Int
    private let entries = Mutex(Entries())

    package init(limit: Int = 4096) { self.limit = max(1, limit) }

    package var count: Int { entries.withLock { $0.known.count } }

    /// Nil for one not seen, or whose time is over. `now` in seconds since 1970.
    package func value(for key: TokenDigest, now: Double) -> Value? {
        entries.withLock { entries in
            guard let entry = entries.known[key], now < entry.until, now > entry.since - slack else { return nil }
            return entry.value
        }
    }

    package func insert(_ value: Value, for key: TokenDigest, now: Double, until: Double) {
        entries.withLock { entries in
            let entry = Entry(value: value, since: now, until: until)
            if entries.known.updateValue(entry, forKey: key) != nil { return }
            if entries.order.count < limit {
                entries.order.append(key)
            } else {
                entries.known[entries.order[entries.oldest]] = nil
                entries.order[entries.oldest] = key
                entries.oldest = (entries.oldest + 1) % limit
            }
        }
    }
}

extension TokenDigest {
    package init(of token: String) {
        var hash = SHA256()
        var token = token
        token.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        self = hash.finalize().withUnsafeBytes { TokenDigest($0) }
    }
}
