import Fleet

/// Where a fleet's database is, as far as its connection string alone tells.
package struct DatabaseHosts: Sendable, Equatable {
    /// Given as numbers, of other machines.
    package private(set) var addresses: [AddressBlock] = []
    /// Somebody has to be asked for their addresses; sorted.
    package private(set) var names: [String] = []
    /// Of servers on this machine; sorted.
    package private(set) var localPorts: [Int] = []

    /// - Parameter uri: `mongodb://` or `mongodb+srv://`; anything else names no hosts.
    package init(uri: String) {
        let service = uri.hasPrefix("mongodb+srv://")
        guard service || uri.hasPrefix("mongodb://") else { return }
        let authority = uri.dropFirst(service ? 14 : 10).prefix { $0 != "/" && $0 != "?" }
        let servers = authority.split(separator: "@").last ?? ""
        for server in servers.split(separator: ",") { add(String(server), isService: service) }
        names = Set(names).sorted()
        localPorts = Set(localPorts).sorted()
        addresses = Set(addresses).sorted { $0.text < $1.text }
    }

    private mutating func add(_ server: String, isService: Bool) {
        guard !isService else { return names.append(server) }
        let isBracketed = server.hasPrefix("[")
        let host = String(isBracketed ? server.dropFirst().prefix { $0 != "]" } : server.prefix { $0 != ":" })
        let port = server.dropFirst(host.count + (isBracketed ? 2 : 0)).drop { $0 == ":" }
        // A unix socket, percent-encoded, is no address.
        guard !host.isEmpty, !host.contains("%") else { return }
        if host == "localhost" || host == "::1" || host.hasPrefix("127.") {
            localPorts.append(Int(port) ?? 27017)
        } else if let block = try? AddressBlock(parsing: host) {
            addresses.append(block)
        } else {
            names.append(host)
        }
    }
}
