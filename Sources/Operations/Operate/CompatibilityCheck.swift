import Fleet
import Planning
import Ports

/// Compares what the next generation offers with what callers have now: before its flip, while both run.
struct CompatibilityCheck: Sendable {
    let ports: OperatorPorts
    let layout: FleetLayout
    /// Whoever began or resumed the rollout wants it all the same.
    let acceptsBreaking: Bool
    /// Told what was found.
    let note: @Sendable (String) -> Void

    private var shelf: OfferShelf { OfferShelf(files: ports.files, layout: layout) }

    /// Why there must be no flip; nil = go on. What it finds is told either way.
    func fault(_ current: GenerationPlan?, _ next: GenerationPlan) async -> String? {
        let offer = await offer(of: next)
        // Only for plans to come: a rollout does not end because of it.
        if let offer { try? shelf.keep(offer, of: next) }
        guard let current else { return nil }
        let report = CompatibilityJudge().compare(
            side(current, await self.offer(of: current)), side(next, offer))
        tell(report, current, next)
        return await isAccepted() ? nil : report.refusal
    }

    /// As its instances list it now; else as they did when they were last compared.
    private func offer(of plan: GenerationPlan) async -> ReleaseOffer? {
        if let seen = try? await ports.control.offer(of: plan.number) { return seen }
        // A supervisor that was started again just now has not asked yet.
        try? await ports.control.check()
        if let seen = try? await ports.control.offer(of: plan.number) { return seen }
        return shelf.offer(of: plan.release.digest, spec: plan.origin.spec, profile: plan.origin.profile)
    }

    private func side(_ plan: GenerationPlan, _ offer: ReleaseOffer?) -> CompatibilityJudge.Side {
        CompatibilityJudge.Side(
            spec: plan.origin.spec, profile: plan.origin.profile, version: plan.release.version, offer: offer)
    }

    private func tell(_ report: CompatibilityReport, _ current: GenerationPlan, _ next: GenerationPlan) {
        guard report.known else {
            let words = "what generations \(current.number) and \(next.number) offer can't be compared"
            note(words)
            return ports.progress.step(words)
        }
        note("compared with generation \(current.number): \(report.summary)")
        ports.progress.step("compared with generation \(current.number): \(report.summary)")
        for line in report.lines(limit: 20) { ports.progress.step("  " + line) }
    }

    /// A way back must not be closed by what the way forward added.
    private func isAccepted() async -> Bool {
        if acceptsBreaking { return true }
        let rollout = try? await ports.ledger.load().rollout
        return rollout?.acceptsBreaking == true || rollout?.verb == "rollback"
    }
}

extension FleetOperator {
    /// What `up` would change for callers, as far as both sides have been seen; nil when it is nothing new to them.
    func compatibility(
        from current: GenerationPlan?, to locked: LockedRelease?
    ) async -> CompatibilityReport? {
        guard let current else { return nil }
        let (before, spec) = (current.origin, context.spec)
        let isSame =
            locked?.digest == current.release.digest && before.profile == context.profile
            && before.spec.server.settings == spec.server.settings
        guard !isSame else { return nil }
        let shelf = OfferShelf(files: ports.files, layout: context.layout)
        // One that an older convoy brought up was never noted, but can be asked.
        let now = try? await ports.control.offer(of: current.number)
        let old = CompatibilityJudge.Side(
            spec: before.spec, profile: before.profile, version: current.release.version,
            offer: now ?? shelf.offer(of: current.release.digest, spec: before.spec, profile: before.profile))
        let new = CompatibilityJudge.Side(
            spec: spec, profile: context.profile, version: spec.server.release.version,
            offer: locked.flatMap { shelf.offer(of: $0.digest, spec: spec, profile: context.profile) })
        return CompatibilityJudge().compare(old, new)
    }
}
