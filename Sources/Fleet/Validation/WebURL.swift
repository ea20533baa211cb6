/// An http or https URL taken apart, as far as a spec needs it. Not a general parser: whatever is
/// unusual is refused.
package struct WebURL: Sendable, Equatable {
    package var scheme: String
    /// Lower case; IPv6 without brackets.
    package var host: String
    package var explicitPort: Int?
    /// With its leading slash; empty when there is none.
    package var path: String

    package var port: Int { explicitPort ?? (scheme == "https" ? 443 : 80) }
    package var isLoopback: Bool { host == "localhost" || IPAddress.isLoopback(host) }

    package init(parsing text: String) throws(Problem) {
        let example = "write it as https://mcp.example.com"
        guard let mark = text.firstRange(of: "://") else { throw Problem("\(text.quoted) is no URL", example) }
        scheme = String(text[..<mark.lowerBound])
        guard scheme == "http" || scheme == "https" else {
            throw Problem("\(text.quoted) is no http or https URL", example)
        }
        let rest = text[mark.upperBound...]
        let authority = String(rest.prefix { !"/?#".contains($0) })
        let tail = rest.dropFirst(authority.count)
        // Before anything could print the text: it may hold a password.
        guard !authority.contains("@") else {
            throw Problem(
                "the URL holds a user or password", "remove everything up to the @: secrets don't belong here")
        }
        if tail.contains("#") { throw Problem("\(text.quoted) has a fragment", "remove the # and what follows") }
        if tail.contains("?") { throw Problem("\(text.quoted) has a query", "remove the ? and what follows") }
        path = String(tail)
        guard path.consists(of: { $0.isAlphanumeric || $0.isOne(of: "/-._~%:@!+,=") }) else {
            throw Problem("\(text.quoted) has a character that its path can't hold", "remove or percent-encode it")
        }
        (host, explicitPort) = try Self.splitAuthority(authority, text)
    }

    private static func splitAuthority(_ authority: String, _ text: String) throws(Problem) -> (String, Int?) {
        var host = authority
        var port: Int?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else {
                throw Problem("\(text.quoted) has a [ without ]", "close the IPv6 address, such as https://[::1]:8443")
            }
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            let after = authority[authority.index(after: end)...]
            if after.hasPrefix(":") {
                port = try Port.parse(String(after.dropFirst()))
            } else if !after.isEmpty {
                throw Problem("\(text.quoted) is no URL", "write a port behind the address as :8443")
            }
            guard IPAddress.isV6(host) else { throw Problem("\(host.quoted) is no IPv6 address", "correct it") }
            return (host, port)
        }
        if let colon = authority.lastIndex(of: ":") {
            host = String(authority[..<colon])
            port = try Port.parse(String(authority[authority.index(after: colon)...]))
        }
        guard !host.isEmpty else { throw Problem("\(text.quoted) names no host", "write the name that clients use") }
        guard IPAddress.isV4(host) || HostName.isValid(host) else {
            let lower = host.lowercased()
            throw Problem(
                "\(host.quoted) is no host name",
                HostName.isValid(lower) ? "write it in small letters: \(lower)" : "use letters, digits, dots and dashes"
            )
        }
        return (host, port)
    }
}

extension String {
    /// The range of the first occurrence; the standard library has it only for characters.
    func firstRange(of text: String) -> Range<String.Index>? { ranges(of: text).first }
}
