import Fleet
import Testing

@testable import Operations

@Suite("A release from a folder, here and where it was shipped", .timeLimit(.minutes(10)))
struct ShippedReleaseTests {
    private let world = FakeWorld()
    private let reference = ReleaseReference(kind: .path, name: "./server", version: "1.0.0")

    private func fleet(isShipped: Bool) -> FleetOperator {
        let fleet = world.newOperator(Samples.spec { $0.server.release = reference })
        var context = fleet.context
        context.isShipped = isShipped
        return FleetOperator(ports: fleet.ports, context: context, seams: fleet.seams)
    }

    private func resolved() -> Int { world.shelf.resolved.withLock { $0.count } }

    @Test("where its folder is, each verb looks whether it has changed")
    func here() async throws {
        for _ in 1...2 { _ = try await fleet(isShipped: false).present(reference) }
        #expect(resolved() == 2)
    }

    @Test("where it was shipped, it is what the lock says, and no folder is looked at")
    func there() async throws {
        let locked = try await fleet(isShipped: false).present(reference)
        #expect(try await fleet(isShipped: true).present(reference) == locked)
        #expect(resolved() == 1)
    }

    @Test("one that is not whole where it was shipped has to be shipped again, and that is said")
    func spoilt() async throws {
        let locked = try await fleet(isShipped: false).present(reference)
        world.shelf.fault.withLock { $0 = Failure(.unavailable, "x", because: "no directory", next: "y") }
        let failure = await #expect(throws: Failure.self) { try await fleet(isShipped: true).present(reference) }
        #expect(failure?.code == .unavailable && failure?.why.contains("no directory") == true)
        #expect(failure?.next.contains("convoy bootstrap") == true && failure?.next.contains(locked.digest.hex) == true)
    }
}
