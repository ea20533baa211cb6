import Fleet
import GRDB
import LedgerContract
import Planning
import Ports
import Testing

@testable import Ledger

/// SQLite waits 5 s for another's write, so these take as long.
@Suite("Ledger in the middle of another's write")
struct LedgerBusyTests {
    /// As a process that was stopped within its write holds it, over a connection of its own.
    private func whileWritten(_ desk: Desk, _ body: () async throws -> Void) async throws {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let writer = try DatabaseQueue(path: desk.path, configuration: configuration)
        try await writer.writeWithoutTransaction { try $0.beginTransaction(.immediate) }
        do { try await body() } catch {
            try await writer.writeWithoutTransaction { try $0.rollback() }
            throw error
        }
        try await writer.writeWithoutTransaction { try $0.rollback() }
    }

    @Test("the second operator is told who is at work: 75, with name, host, verb and age")
    func second() async throws {
        let desk = try Desk()
        _ = try await desk.acquire(1)
        let (another, name) = (desk.another(), LeaseHolder.sample(1).name)
        try await whileWritten(desk) {
            async let acquired = failure { _ = try await another.acquire(.sample(2), lifetime: 15) }
            async let broken = failure { _ = try await desk.another().breakLease() }
            for refusal in [await acquired, await broken] {
                #expect(refusal?.code == .leaseHeld, "\(String(describing: refusal))")
                #expect(refusal?.why.contains(name) == true && refusal?.why.contains("`rollout` on") == true)
                #expect(refusal?.next.isEmpty == false)
            }
        }
        #expect(try await another.current()?.holder.pid == 1)
    }

    @Test("whose lease is good does not lose it: the heartbeat is told to try again, a write that nobody can say who")
    func first() async throws {
        let desk = try Desk()
        let fence = try await desk.acquire(1)
        try await whileWritten(desk) {
            let leases = desk.another()
            async let renewed = failure { try await leases.renew(fence, lifetime: 15) }
            let ledger = desk.another().ledger(under: fence)
            async let saved = failure { try await ledger.save(LedgerRecord(nextGeneration: 2)) }
            #expect(await renewed?.code == .unavailable)
            let refusal = try #require(await saved)
            #expect(refusal.code == .leaseHeld && !refusal.why.contains(LeaseHolder.sample(1).name), "\(refusal)")
        }
        try await desk.leases.renew(fence, lifetime: 15)
        try await desk.ledger(under: fence).save(LedgerRecord(nextGeneration: 3))
        #expect(try await desk.ledger().load().nextGeneration == 3)
    }
}
