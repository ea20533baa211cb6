extension EdgeSpec.Listen {
    /// Reads `ADDRESS:PORT`; the address is an IP literal, IPv6 in brackets.
    package init(parsing text: String) throws(Problem) {
        let example = "write an IP address and a port, such as 127.0.0.1:8443 or 0.0.0.0:443"
        guard let colon = text.lastIndex(of: ":") else {
            let port = Int(text).map { "0.0.0.0:\($0)" }
            throw Problem(
                "\(text.quoted) does not say both address and port",
                port.map { "write \($0) for all addresses, or 127.0.0.1:\(text) for this machine only" } ?? example)
        }
        var address = String(text[..<colon])
        let port = try Port.parse(String(text[text.index(after: colon)...]))
        if address.hasPrefix("["), address.hasSuffix("]") {
            address = String(address.dropFirst().dropLast())
            guard IPAddress.isV6(address) else { throw Problem("\(address.quoted) is no IPv6 address", example) }
        } else if IPAddress.isV6(address) || address.contains(":") {
            throw Problem("\(text.quoted) holds an IPv6 address without brackets", "write [::1]:8443")
        } else if !IPAddress.isV4(address) {
            let all = address == "*" || address.isEmpty
            throw Problem(
                all ? "\(text.quoted) names no address" : "\(address.quoted) is no IP address",
                all ? "write 0.0.0.0:\(port) for all addresses" : example)
        }
        self.init(address: address, port: port)
    }

    /// As it is written in a spec.
    package var text: String { address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)" }
}

package enum Port {
    package static func parse(_ text: String) throws(Problem) -> Int {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy(\.isDigit), text.first != "0",
            let port = Int(text), port <= 65535
        else { throw Problem("\(text.quoted) is no port", "write a number from 1 to 65535") }
        return port
    }
}
