import Fleet
import Foundation
import Ports

// The process that alone may reach issuers: there when the fleet's authorization needs it.
extension FleetSupervisor {
    /// Has it running with the plan that the fleet needs, or has it away.
    func ensureRefresher() async throws {
        guard let issuers = refresherIssuers() else { return await stopCompanion(.refresher, .term, deadline: 2) }
        let path = settings.layout.refresherPlan
        let known = try ports.files.read(path).flatMap {
            try? JSONDecoder().decode(RefresherPlan.self, from: Data($0.utf8))
        }
        if known?.issuers != issuers {
            let next = RefresherPlan(revision: (known?.revision ?? 0) + 1, issuers: issuers)
            try ports.files.write(path, try StableJSON.text(next), mode: 0o600)
            if let running = companions[.refresher]?.record {
                await ports.processes.signal(running, .hup, wholeGroup: false)
            }
        }
        try ports.files.makeDirectory(settings.layout.gateRuntime, mode: 0o700)
        try await ensure(.refresher)
    }

    /// With the rights of the supervisor: it reads client secrets that are nobody else's business.
    func startRefresher() async throws {
        let layout = settings.layout
        let plan = ProcessPlan(
            id: Companion.Kind.refresher.rawValue, executable: settings.executable,
            arguments: ["refresher", "--plan", layout.refresherPlan], environment: [:], workingDirectory: "/",
            logFile: layout.log("refresher"),
            listeners: try ownListeners(of: .refresher, at: layout.refresherSocket) { settings.gateUser })
        try await start(.refresher, plan)
    }

    /// Nil when nobody has to be asked.
    func refresherIssuers() -> [RefresherPlan.Issuer]? {
        let leading = active.generation.flatMap { plans[$0] } ?? plans.values.max { $0.number < $1.number }
        let issuers = (leading?.edge.authorization.issuers ?? []).filter(\.needsRefresher)
        return issuers.isEmpty ? nil : issuers.map(RefresherPlan.Issuer.init)
    }
}

extension RefresherPlan.Issuer {
    init(_ issuer: IssuerSpec) {
        self.init(
            url: issuer.url, keys: issuer.keys.flatMap(RefresherPlan.Source.init),
            introspection: issuer.introspection.map {
                RefresherPlan.Introspection(
                    endpoint: RefresherPlan.Source($0.endpoint), clientID: $0.clientID, secretFile: $0.secretFile)
            })
    }
}

extension RefresherPlan.Source {
    /// Nil for keys in a file: the supervisor hands those to the gate itself.
    init?(_ keys: EdgeSpec.KeySource) {
        switch keys {
        case .file: return nil
        case .url(let url): self = .url(url)
        case .discover: self = .discover
        }
    }

    init(_ endpoint: IssuerSpec.Introspection.Endpoint) {
        switch endpoint {
        case .url(let url): self = .url(url)
        case .discover: self = .discover
        }
    }
}
