import Fleet

/// Decides when waiting for a generation has no use any more. Three limits: each instance has
/// `health.startDeadline` from its start until it is fit, something must get better every
/// `rollout.progress`, and the whole may take no longer than `rollout.deadline`.
package struct ProgressJudge: Sendable, Equatable {
    private let count: Int
    private let number: Int
    private let healthy: Seconds
    private let progress: Seconds
    private let deadline: Seconds
    private var begun: Seconds?
    private var better: Seconds?
    private var best = 0
    /// Since when it runs and is not fit, as far as was seen: an adopted one may have been fit long ago.
    private var waiting: [String: Seconds] = [:]

    package init(plan: GenerationPlan) {
        count = plan.instances.count
        number = plan.number
        healthy = plan.health.startDeadline
        deadline = plan.rollout.deadline
        progress = plan.rollout.progress ?? plan.rollout.deadline
    }

    /// - Parameter instances: of the next generation; nil when nobody could be asked.
    /// - Returns: why to give up; nil = go on waiting.
    package mutating func observe(_ instances: [InstanceStatus]?, at now: Seconds) -> String? {
        let began = begun ?? now
        begun = began
        var overdue: String?
        if let own = instances?.filter({ $0.generation == number }) {
            let score = own.map(Self.score).reduce(0, +)
            if score > best { (best, better) = (score, now) }
            overdue = late(own, now)
        }
        if let overdue { return overdue }
        if now.value - began.value >= deadline.value {
            return "the next generation was not ready within \(deadline.spelled)"
        }
        let still = now.value - (better ?? began).value
        if progress < deadline, still >= progress.value {
            return "nothing has got better for \(progress.spelled)"
        }
        return nil
    }

    private mutating func late(_ instances: [InstanceStatus], _ now: Seconds) -> String? {
        for instance in instances {
            if instance.ready {
                waiting[instance.name] = nil
            } else if let since = waiting[instance.name] {
                guard now.value - since.value >= healthy.value else { continue }
                return "\(instance.name): not fit within \(healthy.spelled) of its start"
                    + (instance.reason.isEmpty ? "" : ": \(instance.reason)")
            } else if instance.pid != nil {
                waiting[instance.name] = now
            }
        }
        return nil
    }

    private static func score(_ instance: InstanceStatus) -> Int {
        if instance.ready { return 4 }
        let proved = instance.proof.map { $0.verdict == .proved } ?? true
        return (proved ? 1 : 0) + (instance.pid == nil ? 0 : 1) + (instance.toolsDigest == nil ? 0 : 1)
    }
}
