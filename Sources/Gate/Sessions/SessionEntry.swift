import Crypto

/// One session in the table: 64 bytes, of which last use and home are no part of what is vouched for.
///
/// | bytes | what |
/// |---|---|
/// | 0..<16 | digest of pool and session id |
/// | 16..<32 | owner |
/// | 32..<40 | state |
/// | 40..<48 | checksum over the bytes before, the table's key and the entry's place |
/// | 48..<56 | last use, in milliseconds since 1970 |
/// | 56..<64 | `SessionHome` |
struct SessionEntry: Equatable {
    enum State: UInt64 {
        case owned = 1
        /// Two owners were told that it is theirs: it is nobody's.
        case disputed = 2
    }

    static let size = 64
    private static let lastUseOffset = 48
    private static let homeOffset = 56

    var session: Digest128
    var owner: Digest128
    var state: State

    /// Nil for an empty place, and for one whose writer was cut in the middle.
    init?(at place: UnsafeMutableRawPointer, index: Int, key: SymmetricKey) {
        let words = Self.words(place)
        guard words[5] != 0, let state = State(rawValue: words[4]),
            words[5] == Self.checksum(words, index: index, key: key)
        else { return nil }
        session = Digest128(high: words[0], low: words[1])
        owner = Digest128(high: words[2], low: words[3])
        self.state = state
    }

    init(session: Digest128, owner: Digest128, state: State) {
        self.session = session
        self.owner = owner
        self.state = state
    }

    /// Another process may read meanwhile, or this one be killed: half an entry has a wrong checksum.
    func write(to place: UnsafeMutableRawPointer, index: Int, key: SymmetricKey) {
        var words = [session.high, session.low, owner.high, owner.low, state.rawValue, 0]
        words[5] = Self.checksum(words, index: index, key: key)
        for (number, word) in words.enumerated() {
            place.storeBytes(of: word, toByteOffset: number * 8, as: UInt64.self)
        }
    }

    static func erase(_ place: UnsafeMutableRawPointer) {
        for offset in stride(from: 0, to: size, by: 8) {
            place.storeBytes(of: 0, toByteOffset: offset, as: UInt64.self)
        }
    }

    /// Without a look at the checksum.
    static func isNamed(_ session: Digest128, at place: UnsafeMutableRawPointer) -> Bool {
        session.matches(
            Digest128(
                high: place.load(as: UInt64.self), low: place.load(fromByteOffset: 8, as: UInt64.self)))
    }

    static func lastUse(of place: UnsafeMutableRawPointer) -> UInt64 {
        place.load(fromByteOffset: lastUseOffset, as: UInt64.self)
    }

    static func touch(_ place: UnsafeMutableRawPointer, at now: UInt64) {
        place.storeBytes(of: now, toByteOffset: lastUseOffset, as: UInt64.self)
    }

    static func home(of place: UnsafeMutableRawPointer) -> UInt64 {
        place.load(fromByteOffset: homeOffset, as: UInt64.self)
    }

    static func setHome(_ word: UInt64, of place: UnsafeMutableRawPointer) {
        place.storeBytes(of: word, toByteOffset: homeOffset, as: UInt64.self)
    }

    /// Without a look at the checksum: good enough to count.
    static func seemsOwned(_ place: UnsafeMutableRawPointer) -> Bool {
        place.load(fromByteOffset: 40, as: UInt64.self) != 0
            && place.load(fromByteOffset: 32, as: UInt64.self) == State.owned.rawValue
    }

    private static func words(_ place: UnsafeMutableRawPointer) -> [UInt64] {
        (0..<6).map { place.load(fromByteOffset: $0 * 8, as: UInt64.self) }
    }

    private static func checksum(_ words: [UInt64], index: Int, key: SymmetricKey) -> UInt64 {
        var code = HMAC<SHA256>(key: key)
        (words[..<5] + [UInt64(index)]).withUnsafeBytes { code.update(data: $0) }
        // 0 means empty.
        return max(1, code.finalize().withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    }
}
