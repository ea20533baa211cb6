import Admission
import Synchronization

/// Who is known by which digest. The digest is keyed, and costs more than all else that is looked up for a
/// request; callers come back.
final class OwnerBook: Sendable {
    struct Owner: Sendable {
        let digest: Digest128
        let hex: String

        init(_ digest: Digest128) {
            self.digest = digest
            hex = digest.hex
        }
    }

    private struct Key: Hashable, Sendable {
        let caller: Caller
        let pool: String
    }

    private let limit: Int
    private let known = Mutex<[Key: Owner]>([:])

    init(limit: Int = 4096) { self.limit = limit }

    /// `digest` is asked for those that are not known.
    func owner(_ caller: Caller, pool: String, digest: () -> Digest128) -> Owner {
        let key = Key(caller: caller, pool: pool)
        if let owner = known.withLock({ $0[key] }) { return owner }
        let owner = Owner(digest())
        known.withLock { known in
            // Rare, and cheaper than to keep an order.
            if known.count >= limit { known.removeAll(keepingCapacity: true) }
            known[key] = owner
        }
        return owner
    }
}
