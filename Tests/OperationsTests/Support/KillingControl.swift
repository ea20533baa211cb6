import Fleet
import Ports
import Synchronization

@testable import Operations

/// Kills the supervisor at a call of the given number.
final class KillingControl: FleetControl {
    private let control: any FleetControl
    private let world: FakeWorld
    private let left: Mutex<Int>

    init(control: any FleetControl, world: FakeWorld, at: Int) {
        self.control = control
        self.world = world
        left = Mutex(at)
    }

    var hasKilled: Bool { left.withLock { $0 <= 0 } }

    private func next() -> any FleetControl {
        let isDue = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isDue { world.killSupervisor() }
        return control
    }

    func status(newerThan revision: Int?, timeout: Seconds) async throws -> StatusReport {
        try await next().status(newerThan: revision, timeout: timeout)
    }
    func begin(_ plan: GenerationPlan) async throws { try await next().begin(plan) }
    func flip(to generation: Int) async throws { try await next().flip(to: generation) }
    func retire(_ generation: Int, drain: Seconds) async throws { try await next().retire(generation, drain: drain) }
    func begin(_ plan: GenerationPlan, only instances: Set<String>?) async throws {
        try await next().begin(plan, only: instances)
    }
    func retire(_ generation: Int, only instances: Set<String>?, drain: Seconds) async throws -> DrainReport {
        try await next().retire(generation, only: instances, drain: drain)
    }
    func share(_ generation: Int, part: Double) async throws { try await next().share(generation, part: part) }
    func balance(_ generation: Int) async throws { try await next().balance(generation) }
    func check() async throws { try await next().check() }
    func shutdown(drain: Seconds) async throws { try await next().shutdown(drain: drain) }
}
