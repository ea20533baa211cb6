import Fleet
import Foundation
import Planning
import Ports
import Rendering

// What clients find in each generation, and whether the edge could serve another one.
extension FleetSupervisor: PreviewControl {
    package func offer(of generation: Int) async throws -> ReleaseOffer? {
        await untilTakenOver()
        return offers[generation]
    }

    package func rehearse(_ plan: GenerationPlan) async throws {
        await untilTakenOver()
        // Here rather than by the operator: it knows the files by their fingerprints, and reads what moved since it
        // started one of them. To one of several hosts they may be on their way.
        let release = settings.layout.releases + "/" + plan.release.digest.hex
        let isAwaited = try plan.origin.spec.spansHosts && ports.files.list(release).isEmpty
        if !isAwaited { try await checkBytes(of: plan.release.digest) }
        try await askServers(of: plan)
        guard var edge = edgePlan(with: plan) else { return }
        let installed = try certificate(for: &edge)
        var files = try rendered(edge) + installed + headerSecrets()
        // A pool that is new has no secret yet: any will do to be looked at.
        for pool in Set(plan.instances.filter { $0.probe.headersFile != nil }.map(\.pool)).sorted() {
            let file = try EdgeRenderer.headerSecret(Secret("rehearsal"), of: pool)
            if !files.contains(where: { $0.path == file.path }) { files.append(file) }
        }
        // A flip changes no byte of it: nginx looked at these when they were installed. One that serves others, too,
        // has more to read than ours.
        let isInstalled = edgeFault.isEmpty && companions[.edge]?.record != nil && edgeWishes(files) == installedEdge
        if isInstalled, plan.sharedEdgeFile == nil { return }
        try await server(of: plan).check(files)
    }

    /// As `certificateFiles`, which remembers what it installs; this is not installed.
    private func certificate(for plan: inout EdgePlan) throws -> [RenderedFile] {
        guard let tls = plan.edge.tls, let certificate = ports.certificate else { return [] }
        let host = URLComponents(string: plan.edge.url)?.host ?? ""
        let pair = try certificate.pair(of: tls, host: host, now: ports.time.wallClock())
        if pair.staplingEnds == nil { plan.edge.tls?.stapling = nil }
        return pair.files
    }

    /// One entry for each generation: its instances list the same, or it never serves. Of an instance whose answers are right: another one is not of this release, or not fit.
    func note(_ observation: InstanceMachine.Observation, of instance: InstancePlan) {
        guard observation.finding == .passed, let offer = observation.offer else { return }
        offers = offers.filter { plans[$0.key] != nil }
        offers[instance.generation] = offer
    }
}
