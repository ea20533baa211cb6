import Fleet
import Testing

@testable import Operations

/// What tests of operators need again and again.
struct OperatorLab {
    let world = FakeWorld()

    func up(_ version: String = "1.0.0") async throws -> FleetOperator.Result {
        let fleet = world.newOperator(Samples.spec(version))
        return try await world.run { try await fleet.up() }
    }

    func instanceDirectories() throws -> [String] {
        try FakeFiles(disk: world.disk).list(world.layout.instances)
    }

    /// What is left in the world belongs to this generation, and to nothing else.
    func expectOnly(_ number: Int, version: String, _ note: String = "") async throws {
        let record = try await world.ledger()
        let plan = try #require(record.current, "\(note)")
        #expect(plan.number == number || number == 0, "\(note)")
        #expect(plan.release.version == version, "\(note)")
        #expect(record.next == nil, "\(note)")
        #expect(record.nextGeneration > plan.number, "\(note)")
        #expect(world.machine.ids == (plan.instances.map(\.name) + ["edge", "gate"]).sorted(), "\(note)")
        #expect(world.database.users == plan.instances.compactMap(\.proof?.user).sorted(), "\(note)")
        #expect(try instanceDirectories() == plan.instances.map(\.name).sorted(), "\(note)")
        let report = try await world.until("converged \(note)") { $0.status.converged }
        #expect(report.status.generation == plan.number, "\(note)")
        #expect(report.generations == [plan], "\(note)")
    }
}
