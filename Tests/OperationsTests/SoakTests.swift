import Fleet
import Planning
import Ports
import Testing

@testable import Operations

@Suite("A rollout while it bakes", .timeLimit(.minutes(5)))
struct SoakTests {
    private let lab = OperatorLab()
    private var world: FakeWorld { lab.world }

    /// Lines for every instance of both colours at each look: the new generation's are `worse`.
    private func rollout(_ worse: @escaping @Sendable (_ port: Int, _ number: Int) -> String) async throws
        -> Result<FleetOperator.Result, any Error>
    {
        world.meter.tell { [] }
        _ = try await lab.up()
        let current = try #require(try await world.ledger().current)
        let ports = current.instances.map { ($0.port, $0.siblingPort) }
        world.meter.tell {
            ports.flatMap { old, new in
                (0..<20).map { _ in FakeMeter.line(old, 200) } + (0..<20).map { worse(new, $0) }
            }
        }
        let fleet = world.newOperator(Samples.spec("2.0.0") { $0.rollout.bake = 60 })
        do {
            return .success(try await world.run { try await fleet.rollout() })
        } catch {
            return .failure(error)
        }
    }

    private func refusal(_ result: Result<FleetOperator.Result, any Error>) throws -> Failure {
        guard case .failure(let error) = result else {
            Issue.record("it passed")
            throw CancellationError()
        }
        return try #require(error as? Failure)
    }

    @Test("a release that fails one call in twenty is flipped back, with the figures")
    func errors() async throws {
        let found = try refusal(try await rollout { FakeMeter.line($0, $1 == 7 ? 500 : 200) })
        #expect(found.code == .failed)
        #expect(found.why.contains("5% of ") && found.why.contains(" calls failed, 0% of "), "\(found)")
        #expect(world.log.withLock { $0.contains("generation 2 serves") })
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("a release that answers 300 ms later is flipped back, with both p95")
    func slow() async throws {
        let found = try refusal(try await rollout { port, _ in FakeMeter.line(port, 200, time: 0.32) })
        #expect(found.why.contains("p95 of "), "\(found)")
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("a release that leaks is flipped back, with what it grew to")
    func leak() async throws {
        let world = world
        world.meter.weigh { name in
            name.hasSuffix("g2") ? 50_000_000 + Int(world.time.now * 10_000_000) % 1_000_000_000 : 50_000_000
        }
        let found = try refusal(try await rollout { port, _ in FakeMeter.line(port, 200) })
        // All of them leak, and any may be looked at first.
        #expect(found.why.contains(#/resident memory of [a-z]+-[0-9]-g2 climbs /#), "\(found)")
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("one that is no worse stays")
    func healthy() async throws {
        guard case .success = try await rollout({ port, _ in FakeMeter.line(port, 200) }) else {
            Issue.record("it was taken back")
            return
        }
        try await lab.expectOnly(2, version: "2.0.0")
    }
}
