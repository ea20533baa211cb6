import Fleet
import Testing

@testable import Operations

@Suite("FleetOperator, users", .timeLimit(.minutes(5)))
struct FleetOperatorUsersTests {
    private let lab = OperatorLab()
    private var world: FakeWorld { lab.world }

    private func verify() async throws -> [UserAccount] {
        let fleet = world.newOperator(Samples.spec("1.0.0"))
        return try await world.run { try await fleet.users() }
    }

    @Test("rotate gives every instance a new user, and takes the old ones away")
    func rotate() async throws {
        _ = try await lab.up()
        let before = world.database.users
        let fleet = world.newOperator(Samples.spec("1.0.0"))
        let result = try await world.run { try await fleet.rotateUsers() }
        guard case .converged(2, _, _, _) = result else {
            Issue.record("\(result)")
            return
        }
        try await lab.expectOnly(2, version: "1.0.0")
        #expect(Set(before).isDisjoint(with: world.database.users) && world.database.users.count == before.count)
        #expect(try await lab.up() == .unchanged(corrected: []))
    }

    @Test("rotate changes nothing else: with changes in fleet.yaml it is refused, and touches nothing")
    func onlyUsers() async throws {
        _ = try await lab.up()
        let (users, starts) = (world.database.users, world.machine.starts)
        let fleet = world.newOperator(Samples.spec("1.0.0") { $0.pools[0].replicas = 1 })
        let refusal = try await failure { _ = try await world.run { try await fleet.rotateUsers() } }
        #expect(refusal.why == "fleet.yaml has changes that are not up")
        #expect(world.database.users == users && world.machine.starts == starts)
        try await lab.expectOnly(1, version: "1.0.0")
    }

    @Test("rotate of a fleet that is not up, or has no users, says so")
    func nothingToRotate() async throws {
        let fleet = world.newOperator(Samples.spec("1.0.0"))
        #expect(try await failure { _ = try await fleet.rotateUsers() }.why == "the fleet is not up")
    }

    @Test("verify finds nothing on a sound fleet")
    func sound() async throws {
        _ = try await lab.up()
        let accounts = try await verify()
        #expect(accounts.map(\.name) == world.database.users)
        #expect(accounts.allSatisfy { $0.fault.isEmpty && $0.grants == [Samples.shop] && $0.proof?.verdict == .proved })
        #expect(accounts.map(\.instance) == ["analytics-1-g1", "analytics-2-g1", "analytics-3-g1"])
    }

    @Test("verify names a role too many, a missing user and a user of nobody")
    func faults() async throws {
        _ = try await lab.up()
        let names = world.database.users
        world.database[names[0]]?.grants.insert(DatabaseGrant(database: "shop", role: "readWrite"))
        world.database[names[1]] = nil
        let stranger = "convoy-shop.left-1-g9"
        world.database[stranger] = FakeDatabase.User(password: "hush9", grants: [])
        let found = Dictionary(uniqueKeysWithValues: try await verify().map { ($0.name, $0.fault) })
        #expect(found[names[0]] == "readWrite on shop too many")
        #expect(found[names[1]] == "it is missing in the database")
        #expect(found[names[2]] == "")
        #expect(found[stranger] == "no instance has it")
    }
}
