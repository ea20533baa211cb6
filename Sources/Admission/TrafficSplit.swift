/// Which callers belong to the part of a pool's new traffic that goes to the other colour.
///
/// The same caller gets the same answer in every process and for every request; a part that grows only adds
/// callers to those who are in it.
package struct TrafficSplit: Sendable, Equatable {
    /// Callers whose hash, of 53 bits, is below.
    private let bound: UInt64
    private let start: UInt64

    /// `part`: 0...1 of all callers.
    package init(part: Double, seed: Int) {
        bound = UInt64(min(max(part, 0), 1) * 0x1p53)
        start = Self.mix(0xcbf2_9ce4_8422_2325 ^ UInt64(bitPattern: Int64(seed)))
    }

    package func takes(_ caller: Caller) -> Bool { hash(caller) >> 11 < bound }

    /// FNV-1a with a last mixing; the length keeps issuer and subject apart.
    private func hash(_ caller: Caller) -> UInt64 {
        var hash = start
        for byte in caller.issuer.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ UInt64(truncatingIfNeeded: caller.issuer.utf8.count) ^ 0xff00) &* 0x100_0000_01b3
        for byte in caller.subject.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Self.mix(hash)
    }

    /// The last steps of SplitMix64.
    private static func mix(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
