import Fleet

/// Which instance opened a session, in eight bytes. For counting only: nothing is admitted by it, so nobody
/// vouches for it.
///
/// | bits | what |
/// |---|---|
/// | 0..<32 | hash of the pool's name |
/// | 32..<40 | letter of the colour; 0 = any instance can serve it |
/// | 40..<48 | slot |
/// | 62 | its client has said that it needs it no more |
/// | 63 | always: 0 is a session of which nothing is known |
package struct SessionHome: Sendable, Hashable {
    static let closed: UInt64 = 1 << 62
    private static let known: UInt64 = 1 << 63

    let word: UInt64

    /// A session that was put there by a gate that did not count.
    static let unknown = SessionHome(word: 0)

    private init(word: UInt64) { self.word = word }

    init(pool: String, tag: (colour: UInt8, slot: UInt8)?) {
        let place = tag.map { UInt64($0.colour) << 32 | UInt64($0.slot) << 40 } ?? 0
        word = Self.known | place | UInt64(Self.hash(pool))
    }

    /// By the tag in the session's id, such as `a2.6f0c`.
    init(pool: String, id: String) {
        let head = id.utf8.prefix { $0 != UInt8(ascii: ".") }
        guard head.count < id.utf8.count, head.count <= 3, let colour = head.first, (0x61...0x62).contains(colour),
            let slot = UInt8(String(decoding: head.dropFirst(), as: UTF8.self))
        else {
            self.init(pool: pool, tag: nil)
            return
        }
        self.init(pool: pool, tag: (colour, slot))
    }

    /// As it is stored; nil when nothing is known of it.
    init?(stored word: UInt64) {
        guard word & Self.known != 0 else { return nil }
        self.word = word & ~Self.closed
    }

    /// Such as `a2`; nil when any instance can serve it.
    var tag: String? {
        let colour = UInt8(truncatingIfNeeded: word >> 32)
        guard colour != 0 else { return nil }
        return String(UnicodeScalar(colour)) + String(word >> 40 & 0xff)
    }

    func isOf(_ pool: String) -> Bool { UInt32(truncatingIfNeeded: word) == Self.hash(pool) }

    private static func hash(_ text: String) -> UInt32 {
        text.utf8.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }
}
