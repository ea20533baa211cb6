import Fleet

/// Judges a whole generation: each instance by itself, then all against all.
package struct GenerationJudge: Sendable, Equatable {
    package enum Verdict: Sendable, Equatable {
        case waiting
        case fit
        case broken(String)
    }

    package let plan: GenerationPlan

    package init(plan: GenerationPlan) { self.plan = plan }

    /// - Parameters:
    ///   - serving: after the flip a restart is the supervisor's business; before it, an
    ///   instance that can't stay up is a reason to stop.
    ///   - names: of a part of it, when the others need not be there yet; nil = all.
    package func judge(_ instances: [InstanceStatus], serving: Bool, among names: Set<String>? = nil) -> Verdict {
        let verdict = each(instances, serving: serving, among: names)
        guard verdict == .fit else { return verdict }
        let own = own(instances, names)
        // A supervisor that was started anew has not asked all of those that it adopted.
        let asked = own.count { $0.toolsDigest != nil }
        guard asked == 0 || asked == own.count else { return .waiting }
        return difference(between: own).map { .broken($0) } ?? .fit
    }

    /// Each by itself only.
    package func each(_ instances: [InstanceStatus], serving: Bool, among names: Set<String>? = nil) -> Verdict {
        let own = own(instances, names)
        for instance in own {
            if let why = fault(of: instance, serving: serving) { return .broken("\(instance.name): \(why)") }
        }
        let byName = Dictionary(own.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        return wanted(names).allSatisfy { byName[$0]?.ready == true } ? .fit : .waiting
    }

    private func wanted(_ names: Set<String>?) -> [String] {
        plan.instances.map(\.name).filter { names?.contains($0) ?? true }
    }

    private func own(_ instances: [InstanceStatus], _ names: Set<String>?) -> [InstanceStatus] {
        instances.filter { $0.generation == plan.number && names?.contains($0.name) ?? true }
    }

    private func fault(of instance: InstanceStatus, serving: Bool) -> String? {
        switch instance.state {
        case .refused: instance.reason
        case .unfit: instance.reason
        case .restarting where !serving && instance.restarts >= 2:
            "died \(instance.restarts) times before it was ready: \(instance.reason)"
        default: nil
        }
    }

    private func difference(between instances: [InstanceStatus]) -> String? {
        if let odd = instances.first(where: { $0.digest != plan.release.digest }) {
            return "\(odd.name): runs release \(odd.digest.short), not \(plan.release.digest.short)"
        }
        if let odd = instances.first(where: { $0.toolsDigest != instances.first?.toolsDigest }) {
            return "\(odd.name): offers other tools than \(instances.first?.name ?? "") "
                + "although both run the same release"
        }
        if let odd = instances.first(where: { $0.eras != instances.first?.eras }) {
            return "\(odd.name): speaks other eras than \(instances.first?.name ?? "")"
        }
        return nil
    }
}
