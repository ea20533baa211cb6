extension IPAddress {
    /// The 4 or 16 bytes of an address, which has many spellings in IPv6. IPv4 in IPv6 spelling
    /// (`::ffff:10.0.0.1`: what nginx tells of IPv4 clients on a `[::]` socket) gives 4. Nil for anything else.
    package static func bytes(_ text: String) -> [UInt8]? {
        if isV4(text) { return text.split(separator: ".").compactMap { UInt8($0) } }
        guard let spelt = withoutDots(text), isV6(spelt) else { return nil }
        let halves = spelt.split(separator: "::", omittingEmptySubsequences: false).map { half in
            half.split(separator: ":").compactMap { UInt16($0, radix: 16) }
        }
        let missing = 8 - halves.joined().count
        var groups = halves[0]
        if halves.count == 2 { groups += [UInt16](repeating: 0, count: missing) + halves[1] }
        let bytes = groups.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
        guard bytes.count == 16 else { return nil }
        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
        return isMapped ? Array(bytes[12...]) : bytes
    }

    /// Dotted numbers at the end of an IPv6 address as two groups. Nil when they are no IPv4 address.
    private static func withoutDots(_ text: String) -> String? {
        guard text.contains(".") else { return text }
        guard let colon = text.lastIndex(of: ":"), isV4(String(text[text.index(after: colon)...])) else { return nil }
        let numbers = text[text.index(after: colon)...].split(separator: ".").compactMap { UInt16($0) }
        guard numbers.count == 4 else { return nil }
        let groups = [numbers[0] << 8 | numbers[1], numbers[2] << 8 | numbers[3]]
        return String(text[...colon]) + groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    /// RFC 5952 for IPv6: the longest run of at least two zero groups as `::`.
    static func text(_ bytes: [UInt8]) -> String {
        if bytes.count == 4 { return bytes.map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: bytes.count - 1, by: 2).map { Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]) }
        var best = 0..<0
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != 0 {
            if index - start > max(best.count, 1) { best = start..<index }
            start = index + 1
        }
        func spelt(_ part: ArraySlice<Int>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return spelt(groups[...]) }
        return spelt(groups[..<best.lowerBound]) + "::" + spelt(groups[best.upperBound...])
    }
}
