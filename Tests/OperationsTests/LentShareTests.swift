import Fleet
import Planning
import Ports
import Testing

@testable import Operations

/// One of several hosts, by itself: what it does with a share that it was lent.
@Suite("A share of traffic on trial", .timeLimit(.minutes(5)))
struct LentShareTests {
    private let lab = TrafficLab()
    private var world: FakeWorld { lab.world }

    /// Half of the traffic for generation 2, held by nobody yet.
    private func lent(_ part: Double? = 0.5) async throws -> FleetSupervisor {
        _ = try await lab.both()
        let supervisor = try lab.supervisor()
        try await world.run {
            try await supervisor.promise(2, patience: 6)
            try await supervisor.lend(2, part: part)
        }
        return supervisor
    }

    private func part() throws -> Double? { try lab.pool().also?.part }

    @Test("it is given by a promise only, which is good once, and for its time")
    func promised() async throws {
        _ = try await lab.both()
        let supervisor = try lab.supervisor()
        #expect(try await refusal { try await supervisor.lend(2, part: 0.5) }?.contains("has not promised") == true)
        try await world.run { try await supervisor.promise(2, patience: 6) }
        await world.pass(7)
        #expect(try await refusal { try await supervisor.lend(2, part: 0.5) }?.contains("too long ago") == true)
        try await world.run {
            try await supervisor.promise(2, patience: 6)
            try await supervisor.lend(2, part: 0.5)
        }
        #expect(try part() == 0.5)
        #expect(try await refusal { try await supervisor.lend(2, part: 0.6) } != nil)
        // Whoever is told to go back has promised nothing any more.
        try await world.run {
            try await supervisor.promise(2, patience: 6)
            try await supervisor.flip(to: 1)
        }
        #expect(try part() == nil)
        #expect(try await refusal { try await supervisor.lend(2, part: 0.5) } != nil)
        #expect(try part() == nil)
    }

    @Test("held, it stays; without a word it is over, and a late word does not bring it back")
    func lapses() async throws {
        let supervisor = try await lent(nil)
        for _ in 0..<10 {
            await world.pass(4)
            try await world.run { try await supervisor.hold(2) }
        }
        #expect(try part() == 0.5)
        await world.pass(7)
        #expect(try part() == nil)
        #expect(try lab.pool().active == .a && lab.pool().sessions.count == 6, "sessions stay where they are")
        #expect(try await refusal { try await supervisor.hold(2) } != nil)
        #expect(try part() == nil)
    }

    @Test("a supervisor that starts anew has heard nothing: the share ends before anything else")
    func restarts() async throws {
        _ = try await lent()
        lab.restart()
        try await lab.ready(2, 3)
        let report = try await world.until("taken over") { _ in true }
        #expect(report.trial == nil)
        #expect(try part() == nil)
    }

    @Test("there is nothing to seal or to finish about a share; a flip by a promise takes its place")
    func flips() async throws {
        let supervisor = try await lent()
        #expect(try await refusal { try await supervisor.seal(2) }?.contains("a share only") == true)
        #expect(try await refusal { try await supervisor.finish(2) } != nil)
        try await world.run {
            try await supervisor.promise(2, patience: 6)
            try await supervisor.attempt(2)
        }
        #expect(try lab.pool().active == .b && part() == nil)
        await world.pass(7)
        #expect(try lab.pool().active == .a && part() == nil, "both lapse by the same rule")
    }

    @Test("who is taken away is not on trial any more")
    func retired() async throws {
        let supervisor = try await lent()
        try await world.run { try await supervisor.retire(2, drain: 1) }
        let report = try await world.until("gone") { $0.generations.count == 1 }
        #expect(report.trial == nil && report.status.converged)
        lab.restart()
        try await world.until("as before") { $0.status.converged && $0.trial == nil }
    }

    @Test("nobody promises for an instance that is not fit, and nobody who has none")
    func unfit() async throws {
        let old = try await lab.serving()
        let supervisor = try lab.supervisor()
        let new = try await Samples.staged(2, in: world, over: old, version: "2.0.0")
        let first = new.instances[0].name
        try await world.run { try await supervisor.begin(new, only: []) }
        #expect(try await refusal { try await supervisor.promise(2, patience: 6) }?.contains("no instance") == true)
        world.prober.answer { $0.endpoint.contains(":\(new.instances[0].port)/") ? .notReady : .well }
        try await world.run { try await supervisor.begin(new, only: [first]) }
        #expect(try await refusal { try await supervisor.promise(2, patience: 6) }?.contains(first) == true)
        world.prober.answer { _ in .well }
        try await lab.ready(2, 1)
        // A part of it is enough to share.
        try await world.run {
            try await supervisor.promise(2, patience: 6)
            try await supervisor.lend(2, part: nil)
        }
        #expect(try part() == 0.25)
    }

    private func refusal(_ body: @escaping @Sendable () async throws -> Void) async throws -> String? {
        do {
            try await world.run(body)
            return nil
        } catch let failure as Failure { return failure.why }
    }
}
