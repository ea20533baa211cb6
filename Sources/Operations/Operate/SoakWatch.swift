import Fleet
import Planning
import Ports
import Synchronization

/// Lets a judge see each report of the supervisor.
final class SoakWatch: Sendable {
    private let judge: Mutex<SoakJudge>

    init(plan: GenerationPlan, current: Int?) { judge = Mutex(SoakJudge(plan: plan, current: current)) }

    /// Why the new generation must go, as soon as that is certain.
    func fault(_ report: StatusReport, at now: Seconds) -> String? {
        judge.withLock { judge in
            let serves = report.status.generation == judge.generation
            guard case .worse(let why) = judge.observe(report.figures, serves: serves, at: now) else { return nil }
            return why
        }
    }
}
