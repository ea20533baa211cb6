import Fleet
import Planning
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
        let database = try databaseHosts(of: plan)
        var blocks = database.addresses
        for host in database.names {
            let found = await units.addresses(of: host)
            guard !found.isEmpty else {
                throw Failure(
                    .unavailable, "cannot let the instances reach \(host)", because: "its name has no address now",
                    next: "look at /etc/resolv.conf and at database/uri")
            }
            blocks += found.compactMap(Self.block)
        }
        blocks += try nameServers().compactMap(Self.block)
        let slice = try UnitRenderer.render(SlicePlan(fleet: plan.fleet, addresses: blocks, wish: plan.wish))
        try await units.provide(slice)
        providedSlice = slice
    }

    private func databaseHosts(of plan: GenerationPlan) throws -> DatabaseHosts {
        let uri = plan.origin.spec.database?.uri ?? ""
        guard !uri.hasPrefix("mongodb+srv://") else {
            throw Failure(
                .badSpec, "cannot let the instances reach \(uri)",
                because: "whom a mongodb+srv name stands for may change at any time, and units allow addresses",
                next: "name the hosts in database/uri: mongodb://HOST:PORT,HOST:PORT/?replicaSet=NAME&tls=true")
        }
        return DatabaseHosts(uri: uri)
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
