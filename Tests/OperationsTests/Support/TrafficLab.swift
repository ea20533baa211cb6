import Fleet
import Foundation
import Planning
import Ports
import Testing

@testable import Operations

/// A world in which two generations meet: what the gate was told, and what nginx was.
struct TrafficLab {
    let world = FakeWorld()

    func policy() throws -> GatePolicy {
        let text = try #require(world.disk[world.layout.gatePolicy])
        return try JSONDecoder().decode(GatePolicy.self, from: Data(text.utf8))
    }

    func pool() throws -> GatePolicy.Pool { try #require(try policy().pools.first) }

    /// Generation 1 serves.
    func serving() async throws -> GenerationPlan {
        let supervisor = world.startSupervisor()
        let plan = try await Samples.staged(1, in: world)
        try await world.run { try await supervisor.begin(plan) }
        try await ready(1, 3)
        try await world.run { try await supervisor.flip(to: 1) }
        return plan
    }

    /// Generation 1 serves, 2 is ready beside it.
    func both() async throws -> (old: GenerationPlan, new: GenerationPlan) {
        let old = try await serving()
        let new = try await Samples.staged(2, in: world, over: old, version: "2.0.0")
        let supervisor = try supervisor()
        try await world.run { try await supervisor.begin(new) }
        try await ready(2, 3)
        return (old, new)
    }

    func supervisor() throws -> FleetSupervisor { try #require(world.supervisor) }

    func ready(_ generation: Int, _ count: Int) async throws {
        try await world.until("\(count) of generation \(generation) ready") { report in
            let own = report.status.instances.filter { $0.generation == generation }
            return own.count == count && own.allSatisfy(\.ready)
        }
    }

    /// Whether nginx may send new traffic there.
    func isUp(_ instance: InstancePlan) -> Bool {
        world.edge.upstream(instance.port).map { !$0.contains(" down;") } ?? false
    }

    /// Every line about a port: the first is of the colour's group, one more of each slot's.
    func lines(_ port: Int) -> [String] {
        world.edge.text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { $0.hasPrefix("server 127.0.0.1:\(port) ") }
    }

    func restart() {
        world.killSupervisor()
        world.startSupervisor()
    }
}
