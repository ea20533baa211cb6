/// IP literals, without resolving anything.
package enum IPAddress {
    package static func isV4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy(\.isDigit) else { return false }
                // A leading zero means octal to some programs and decimal to others.
                return (part.count == 1 || part.first != "0") && (Int(part) ?? 256) <= 255
            }
    }

    package static func isV6(_ text: String) -> Bool {
        guard text.utf8.count <= 39, text.consists(of: { $0.isDigit || $0.isOne(of: "abcdefABCDEF:") }) else {
            return false
        }
        guard !text.contains(":::") else { return false }
        let halves = text.split(separator: "::", omittingEmptySubsequences: false)
        guard halves.count <= 2 else { return false }
        let groups = halves.map { $0.isEmpty ? [] : $0.split(separator: ":", omittingEmptySubsequences: false) }
        guard groups.joined().allSatisfy({ (1...4).contains($0.utf8.count) }) else { return false }
        let count = groups.joined().count
        return halves.count == 2 ? count <= 7 : count == 8
    }

    package static func isLoopback(_ text: String) -> Bool {
        text == "::1" || (isV4(text) && text.hasPrefix("127."))
    }

    /// Shortest form of what means every address of the machine.
    package static func isAny(_ text: String) -> Bool { text == "0.0.0.0" || text == "::" }
}

/// DNS names as certificates and URLs hold them: lower case, no dot at the end.
package enum HostName {
    package static func isValid(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        // A name whose last label is a number would be read as an address.
        guard labels.last?.utf8.allSatisfy(\.isDigit) == false else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { $0.isLowercase || $0.isDigit || $0 == UInt8(ascii: "-") }
        }
    }
}
