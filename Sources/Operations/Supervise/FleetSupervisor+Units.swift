import Fleet
import Ports
import Rendering

// What instances are where systemd starts them.
extension FleetSupervisor {
    func processPlan(_ instance: InstancePlan, of generation: GenerationPlan) throws -> ProcessPlan {
        var plan = ProcessPlan(instance)
        guard ports.units != nil else { return plan }
        let credential = try ports.files.readSecret(settings.layout.credential(instance.name))
        // Plain ones hold NAME=value strings that end in NUL; encrypted ones are text.
        let isEncrypted = credential.map { !$0.reveal().utf8.contains(0) } ?? false
        plan.unit = try UnitRenderer.render(
            UnitPlan(instance, of: generation, layout: settings.layout, isEncrypted: isEncrypted))
        return plan
    }

    /// Before its instances: without it they reach nobody but this machine itself.
    func provideSlice(for plan: GenerationPlan) async throws {
        guard let units = ports.units else { return }
        var blocks: [AddressBlock] = []
        for host in try databaseHosts(of: plan) {
            let found = await units.addresses(of: host)
            guard !found.isEmpty else {
                throw Failure(
                    .unavailable, "cannot let the instances reach \(host)", because: "its name has no address now",
                    next: "look at /etc/resolv.conf and at database/uri")
            }
            blocks += found.compactMap(Self.block)
        }
        blocks += try nameServers().compactMap(Self.block)
        try await units.provide(
            UnitRenderer.render(SlicePlan(fleet: plan.fleet, addresses: blocks, wish: plan.wish)))
    }

    private func databaseHosts(of plan: GenerationPlan) throws -> [String] {
        guard let database = plan.origin.spec.database, let uri = try? MongoURI(parsing: database.uri) else {
            return []
        }
        guard !uri.isSRV else {
            throw Failure(
                .badSpec, "cannot let the instances reach \(uri.hosts[0])",
                because: "whom a mongodb+srv name stands for may change at any time, and units allow addresses",
                next: "name the hosts in database/uri: mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME&tls=true")
        }
        return uri.hosts.map(Self.name)
    }

    /// Without the port, and an IPv6 address without its brackets.
    private static func name(_ host: String) -> String {
        if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }) }
        return String(host.prefix { $0 != ":" })
    }

    private func nameServers() throws -> [String] {
        (try ports.files.read("/etc/resolv.conf") ?? "").split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.split(whereSeparator: \.isWhitespace)
            return words.count > 1 && words[0] == "nameserver" ? String(words[1]) : nil
        }
    }

    /// Nil for this machine's own, which units may reach anyway.
    private static func block(_ address: String) -> AddressBlock? {
        guard !IPAddress.isLoopback(address), let bytes = IPAddress.bytes(address) else { return nil }
        return AddressBlock(bytes: bytes, prefix: bytes.count * 8)
    }
}
