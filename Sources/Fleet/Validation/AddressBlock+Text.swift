extension AddressBlock {
    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or one address.
    package init(parsing text: String) throws(Problem) {
        let example = "write it as 10.0.0.0/8, 2001:db8::/32 or one address"
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let bytes = IPAddress.bytes(parts[0]) else {
            throw Problem("\(parts[0].quoted) is no IP address", example)
        }
        // An IPv4 address in IPv6 spelling has its prefix counted in either of two ways.
        guard bytes.count == 16 || !parts[0].contains(":") else {
            throw Problem("\(text.quoted) is an IPv4 address in IPv6 spelling", "write it as 10.0.0.0/8")
        }
        let prefix = try parts.count == 1 ? bytes.count * 8 : Self.prefix(parts[1], most: bytes.count * 8, text)
        let masked = Self.masked(bytes, prefix)
        guard let block = AddressBlock(bytes: masked, prefix: prefix) else {
            throw Problem("\(text.quoted) is no block of addresses", example)
        }
        guard masked == bytes else {
            throw Problem(
                "\(text.quoted) has bits behind its prefix",
                "write \(block.text), or the one address without /\(prefix)")
        }
        self = block
    }

    private static func prefix(_ text: String, most: Int, _ whole: String) throws(Problem) -> Int {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy(\.isDigit), text == "0" || text.first != "0",
            let prefix = Int(text), prefix <= most
        else { throw Problem("\(whole.quoted) has no prefix of 0 to \(most) bits", "write it as 10.0.0.0/8") }
        return prefix
    }

    /// As it is written in a spec; one address without its prefix.
    package var text: String {
        let address = IPAddress.text(bytes)
        return prefix == bytes.count * 8 ? address : "\(address)/\(prefix)"
    }
}
