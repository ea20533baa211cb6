import Fleet
import Planning
import Ports

/// Exchanges Convoy on hosts, one at a time; the first that does not take it well is the last.
package struct SelfUpdateRunner: Sendable {
    private let wish: UpdateWish
    private let parcel: BootstrapCargo.Parcel
    private let ports: BootstrapPorts
    private let spec: FleetSpec?

    /// - Parameter spec: whose edge is looked at from outside; nil: nobody's.
    package init(wish: UpdateWish, parcel: BootstrapCargo.Parcel, ports: BootstrapPorts, spec: FleetSpec?) {
        self.wish = wish
        self.parcel = parcel
        self.ports = ports
        self.spec = spec
    }

    /// - Parameter isDry: nothing is changed on any host.
    package func run(_ hosts: [HostSpec], isDry: Bool) async throws -> SelfUpdateReport {
        var all: [HostUpdate] = []
        for host in hosts { all.append(HostUpdate(try await steps(for: host))) }
        all = await BoundedTasks.each(all, width: BootstrapRunner.width) { await $0.examine() }
        if !isDry, !all.contains(where: { $0.machine.state.isOver }) {
            for index in all.indices {
                guard !ports.isInterrupted() else { break }
                await all[index].go()
                guard all[index].isWell else { break }
            }
        }
        for one in all { await one.steps.link.close() }
        return SelfUpdateReport(wish, dryRun: isDry, hosts: all.map(\.report))
    }

    private func steps(for host: HostSpec) async throws -> UpdateSteps {
        UpdateSteps(
            host: host, wish: wish, parcel: parcel, ports: ports, link: try await ports.dialer.dial(host),
            edge: spec.flatMap { spec in spec.pools.first.map { (spec.edge, $0.name) } })
    }
}

/// Drives the machine of one host.
struct HostUpdate: Sendable {
    let steps: UpdateSteps
    private(set) var machine: SelfUpdateMachine
    private var seconds = 0.0

    init(_ steps: UpdateSteps) {
        self.steps = steps
        machine = SelfUpdateMachine(UpdateJudge(steps.host, steps.wish))
    }

    var report: SelfUpdateReport.Host { SelfUpdateReport.Host(machine, host: steps.host, seconds: seconds) }
    var isWell: Bool { machine.state == .updated || machine.state == .unchanged }

    /// Until it waits for its turn, or is over.
    mutating func examine() async { await drive(machine.begin()) }

    mutating func go() async { await drive(machine.handle(.go)) }

    private mutating func drive(_ first: [SelfUpdateMachine.Action]) async {
        let began = steps.ports.time.now().value
        var queue = first[...]
        while let action = queue.popFirst() {
            if let event = await carryOut(action) { queue += machine.handle(event) }
        }
        seconds += steps.ports.time.now().value - began
    }

    private func carryOut(_ action: SelfUpdateMachine.Action) async -> SelfUpdateMachine.Event? {
        do {
            switch action {
            case .gather: return .gathered(try await steps.gather(), now: steps.ports.time.now())
            case .perform(let step, let before):
                try await steps.perform(step, before: before)
                return .done(step)
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
                Failure(.failed, "cannot update \(steps.host.name)", because: "\(error)", next: "run it again"))
        }
    }
}
