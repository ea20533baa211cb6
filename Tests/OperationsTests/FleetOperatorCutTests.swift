import Fleet
import Ports
import Testing

@testable import Operations

/// Law: any step can be cut, and the next `up` mends it.
@Suite("FleetOperator, cut anywhere", .timeLimit(.minutes(10)))
struct FleetOperatorCutTests {
    /// Kills the operator at its call number `cut`, and perhaps the supervisor with it; then `up` by a new
    /// one must make everything as wished. False when the verb ended before that call.
    private static func survives(
        cut: Int, withSupervisor: Bool, prepare: [String], verb: String, then version: String = "2.0.0",
        sick: (@Sendable (FakeWorld, ProbePlan) -> Bool)? = nil,
        _ act: @escaping @Sendable (FleetOperator) async throws -> Void
    ) async throws -> Bool {
        let lab = OperatorLab()
        for version in prepare { _ = try await lab.up(version) }
        let world = lab.world
        if let sick { world.prober.answer { sick(world, $0) ? .wrong("Access denied") : .well } }
        let fuse = Fuse(blowAt: cut)
        let fleet = lab.world.newOperator(Samples.spec("2.0.0"), fuse: fuse)
        try? await lab.world.run { try await act(fleet) }
        guard fuse.isBlown else { return false }
        if withSupervisor { lab.world.killSupervisor() }
        do {
            _ = try await lab.up(version)
            try await lab.expectOnly(0, version: version, "\(verb) cut at \(cut)")
        } catch {
            Issue.record("\(verb) cut at call \(cut), supervisor killed: \(withSupervisor): \(error)")
        }
        return true
    }

    @Test("cut at any call, a first up is finished by the next", arguments: [false, true])
    func cutUp(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: [], verb: "up", { _ = try await $0.up() })
        { cut += withSupervisor ? 5 : 2 }
        #expect(cut > 20)
    }

    @Test("cut at any call, a rollout is finished by the next up", arguments: [false, true])
    func cutRollout(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: ["1.0.0"], verb: "rollout",
            { _ = try await $0.rollout() })
        { cut += withSupervisor ? 5 : 2 }
        #expect(cut > 30)
    }

    @Test("cut at any call, a rollout that is being undone leaves the old one", arguments: [false, true])
    func cutUndo(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: ["1.0.0"], verb: "failing rollout", then: "1.0.0",
            sick: { $1.expectedVersion == "2.0.0" }, { _ = try await $0.rollout() })
        { cut += withSupervisor ? 5 : 2 }
        #expect(cut > 30)
    }

    @Test("cut at any call, a rollout that is flipped back leaves the old one", arguments: [false, true])
    func cutFlipBack(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: ["1.0.0"], verb: "rollout that breaks", then: "1.0.0",
            sick: { world, plan in
                plan.expectedVersion == "2.0.0" && world.log.withLock { $0.contains("generation 2 serves") }
            },
            { fleet in
                var patient = fleet.context
                patient.spec.rollout.bake = 60
                _ = try await FleetOperator(ports: fleet.ports, context: patient).rollout()
            })
        { cut += withSupervisor ? 5 : 2 }
        #expect(cut > 30)
    }

    @Test("cut at any call, a rollback is finished by the next up", arguments: [false, true])
    func cutRollback(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: ["1.0.0", "2.0.0"], verb: "rollback", then: "1.0.0",
            { _ = try await $0.rollback() })
        { cut += withSupervisor ? 5 : 2 }
        #expect(cut > 30)
    }

    @Test("cut at any call, a down is followed by an up", arguments: [false, true])
    func cutDown(withSupervisor: Bool) async throws {
        var cut = 1
        while try await Self.survives(
            cut: cut, withSupervisor: withSupervisor, prepare: ["1.0.0", "2.0.0"], verb: "down",
            { try await $0.down() })
        { cut += withSupervisor ? 5 : 2 }
        #expect(cut > 4)
    }
}
