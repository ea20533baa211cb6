import Fleet
import Planning
import Ports

/// Drives the machine of one host.
struct HostBootstrap: Sendable {
    let steps: HostSteps
    private(set) var machine: BootstrapMachine
    private var stages: [BootstrapReport.Stage] = []

    init(_ steps: HostSteps) {
        self.steps = steps
        machine = BootstrapMachine(BootstrapJudge(steps.host, steps.wish), isForLater: steps.wish.isForLater)
    }

    var report: BootstrapReport.Host {
        BootstrapReport.Host(machine, steps.wish, host: steps.host, stages: stages)
    }

    /// Until it waits for `go`, or is over.
    mutating func examine() async { await drive(machine.begin()) }

    mutating func go() async { await drive(machine.handle(.go)) }

    private mutating func drive(_ first: [BootstrapMachine.Action]) async {
        var queue = first[...]
        while let action = queue.popFirst() {
            let began = steps.ports.time.now().value
            steps.ports.progress.host(steps.host.name, at: action.stage)
            let event = await carryOut(action)
            note(action.stage, seconds: steps.ports.time.now().value - began)
            if let event { queue += machine.handle(event) }
        }
        steps.ports.progress.host(steps.host.name, at: nil)
    }

    private mutating func note(_ stage: String, seconds: Double) {
        if let index = stages.firstIndex(where: { $0.stage == stage }) {
            stages[index] = BootstrapReport.Stage(stage: stage, seconds: stages[index].seconds + seconds)
        } else {
            stages.append(BootstrapReport.Stage(stage: stage, seconds: seconds))
        }
    }

    private func carryOut(_ action: BootstrapMachine.Action) async -> BootstrapMachine.Event? {
        do {
            if steps.ports.isInterrupted() { throw Self.interrupted(steps.host.name) }
            switch action {
            case .gather:
                let began = steps.ports.time.now().value
                let facts = try await steps.gather()
                let delay = steps.ports.time.now().value - began
                return .gathered(facts, now: steps.ports.time.wallClock(), delay: delay)
            case .plan:
                let plan = try await steps.plan()
                return .planned(fleet: !plan.changes.isEmpty, firewall: plan.firewall)
            case .perform(let change):
                try await steps.perform(change)
                return .done(change)
            case .visit:
                try await visit()
                return .visited
            case .wait(let time):
                try await steps.ports.time.sleep(time)
                return nil
            }
        } catch let fault as LinkFault where fault.kind == .lost || fault.kind == .unreachable {
            steps.ports.progress.step("\(steps.host.name): \(fault.failure.what): \(fault.failure.why)")
            return .lost(fault.failure)
        } catch let fault as LinkFault {
            return .failed(fault.failure)
        } catch let failure as Failure {
            return .failed(failure)
        } catch {
            return .failed(
                Failure(.failed, "cannot bootstrap \(steps.host.name)", because: "\(error)", next: "run it again"))
        }
    }

    /// An edge on loopback is seen by its own host only, whose supervisor has looked at it.
    private func visit() async throws {
        let edge = steps.wish.spec.edge
        guard !edge.listen.isLoopback, let pool = steps.wish.spec.pools.first else { return }
        steps.ports.progress.step("\(steps.host.name): looking at the edge from outside")
        try await steps.ports.visitor.visit(edge, pool: pool.name, at: steps.host.address)
    }

    private static func interrupted(_ host: String) -> Failure {
        Failure(
            .failed, "the bootstrap of \(host) was stopped", because: "you asked for it",
            next: "run it again: what is done stays done")
    }
}
