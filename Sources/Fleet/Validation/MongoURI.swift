/// A connection string without credentials, taken apart as far as a spec needs it.
package struct MongoURI: Sendable, Equatable {
    /// `host` or `host:port`, as written.
    package var hosts: [String]
    package var isSRV: Bool

    private static let passwordOptions: Set<String> = [
        "tlscertificatekeyfilepassword", "sslclientcertificatekeypassword",
    ]

    /// No message ever holds the text itself: it may contain a password.
    package init(parsing text: String) throws(Problem) {
        let example = "write mongodb://HOST:PORT/ or mongodb+srv://NAME/"
        let schemes = ["mongodb://", "mongodb+srv://"]
        guard let scheme = schemes.first(where: { text.hasPrefix($0) }) else {
            let given = text.firstRange(of: "://").map { String(text[..<$0.lowerBound]) }
            throw Problem(
                given.map { "\($0.quoted) is not how a MongoDB address starts" } ?? "is no MongoDB address", example)
        }
        isSRV = scheme == schemes[1]
        let rest = text.dropFirst(scheme.count)
        // A password may hold a raw slash, so the @ is looked for in everything before the options.
        if rest.prefix(while: { $0 != "?" }).contains("@") {
            throw Problem(
                "holds credentials",
                "remove everything up to the @; put the admin's address into a file and name it in database/admin/file")
        }
        guard text.consists(of: { $0 > 0x20 && $0 < 0x7f }) else {
            throw Problem("holds spaces or characters outside ASCII", "remove or percent-encode them")
        }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        hosts = authority.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        for host in hosts { try Self.check(host: host, isSRV: isSRV) }
        if isSRV, hosts.count != 1 {
            throw Problem("mongodb+srv takes exactly one name", "name one, or use mongodb://")
        }
        let tail = rest.dropFirst(authority.count)
        let database = tail.prefix { $0 != "?" }.drop { $0 == "/" }
        guard database.isEmpty else {
            throw Problem(
                "names the database \(String(database).quoted)", "remove it: each pool lists its own under databases")
        }
        try Self.check(options: tail.drop { $0 != "?" }.dropFirst())
    }

    private static func check(host: String, isSRV: Bool) throws(Problem) {
        let fix = "list hosts as HOST:PORT, joined by commas"
        guard !host.isEmpty else { throw Problem("names an empty host", fix) }
        let name: String
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { throw Problem("has a [ without ]", fix) }
            name = String(host[host.index(after: host.startIndex)..<end])
            guard IPAddress.isV6(name) else { throw Problem("\(name.quoted) is no IPv6 address", fix) }
            let after = host[host.index(after: end)...]
            if !after.isEmpty {
                guard after.hasPrefix(":") else { throw Problem("\(host.quoted) is no host", fix) }
                _ = try Port.parse(String(after.dropFirst()))
            }
            return
        }
        let parts = host.split(separator: ":", omittingEmptySubsequences: false)
        name = String(parts[0])
        guard parts.count <= 2, IPAddress.isV4(name) || HostName.isValid(name.lowercased()) else {
            throw Problem("\(host.quoted) is no host", fix)
        }
        if parts.count == 2 {
            guard !isSRV else { throw Problem("mongodb+srv takes no port", "remove :\(parts[1])") }
            _ = try Port.parse(String(parts[1]))
        }
    }

    private static func check(options: Substring) throws(Problem) {
        guard !options.isEmpty else { return }
        for option in options.split(separator: "&", omittingEmptySubsequences: false) {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
                throw Problem("has an option that is not NAME=VALUE", "write options as ?replicaSet=rs0&tls=true")
            }
            if passwordOptions.contains(parts[0].lowercased()) || parts[0].lowercased().contains("password") {
                throw Problem(
                    "holds a password in the option \(parts[0])", "remove it: secrets don't belong in this file")
            }
        }
    }

    /// Ports on this machine that the database occupies.
    package var loopbackPorts: [Int] {
        guard !isSRV else { return [] }
        return hosts.compactMap { host in
            let bracketed = host.hasPrefix("[::1]")
            let name = bracketed ? "::1" : String(host.prefix { $0 != ":" })
            guard name == "localhost" || IPAddress.isLoopback(name) else { return nil }
            let port = host.split(separator: ":").last.flatMap { Int($0) }
            return port ?? 27017
        }
    }
}
