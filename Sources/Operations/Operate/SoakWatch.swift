import Fleet
import Planning
import Ports
import Synchronization

/// Lets a judge see each report of the supervisor.
final class SoakWatch: Sendable {
    private struct State {
        var judge: SoakJudge
        /// Instances of the new generation that were fit once: what one does while it starts is not what it serves.
        var wasReady: Set<String> = []
    }

    private let state: Mutex<State>

    init(plan: GenerationPlan, current: Int?) { state = Mutex(State(judge: SoakJudge(plan: plan, current: current))) }

    /// Why the new generation must go, as soon as that is certain.
    func fault(_ report: StatusReport, at now: Seconds) -> String? {
        state.withLock { state in
            let new = state.judge.generation
            let serves =
                report.status.generation == new
                || report.status.trafficShare.contains { $0.generation == new && $0.part > 0 }
            for one in report.status.instances where one.ready { state.wasReady.insert(one.name) }
            let figures = report.figures.filter { one in
                !serves || one.generation != new || state.wasReady.contains(one.name)
            }
            guard case .worse(let why) = state.judge.observe(figures, serves: serves, at: now) else { return nil }
            return why
        }
    }
}
