import Fleet
import Ports

extension FleetOperator {
    /// A rolling update that was cut has taken instances of the generation that serves away: they come back
    /// before anything of the next one goes. Their users and files are still there.
    func makeWhole(_ report: StatusReport) async throws {
        guard report.lacksInstances, let serving = report.serving else { return }
        ports.progress.step("starting what is missing of generation \(serving.number)")
        try await ports.control.begin(serving)
        let deadline = ports.time.now().value + serving.health.startDeadline.value
        var revision: Int?
        while true {
            let now = try await ports.control.status(newerThan: revision, timeout: 0.5)
            revision = now.revision
            let own = now.status.instances.filter { $0.generation == serving.number }
            if own.count == serving.instances.count, own.allSatisfy(\.ready) { return }
            guard ports.time.now().value < deadline, !ports.isInterrupted() else {
                let worst = own.first { !$0.ready }
                throw Failure(
                    .failed, "generation \(serving.number) can't be made whole again",
                    because: worst.map { "\($0.name) is \($0.state.rawValue): \($0.reason)" } ?? "it does not start",
                    next: "see `convoy status` and `convoy logs`")
            }
        }
    }
}

extension StatusReport {
    fileprivate var serving: GenerationPlan? { generations.first { $0.number == status.generation } }

    /// Of the generation that serves.
    var lacksInstances: Bool {
        guard let serving else { return false }
        return status.instances.count { $0.generation == serving.number } < serving.instances.count
    }
}
