import Fleet
import LedgerContract
import Planning
import Ports
import Testing

@testable import Control

/// Only whoever holds the lease now may change anything, by whichever call.
@Suite("Fencing at the supervisor")
struct ControlFenceTests {
    private let witness = HandWitness()

    private func changes(_ control: some SupervisorControl) -> [(String, () async throws -> Void)] {
        [
            ("begin", { try await control.begin(.sample(7)) }), ("flip", { try await control.flip(to: 7) }),
            ("retire", { try await control.retire(7, drain: 1) }),
            ("shutdown", { try await control.shutdown(drain: 0) }),
        ]
    }

    /// What became of each change that a client with that fence asks for.
    private func outcomes(_ fence: Int?, _ path: String) async throws -> [Failure.Code?] {
        let client = ControlClient(socket: path, fence: fence)
        var found: [Failure.Code?] = []
        for (name, change) in changes(client) {
            do {
                try await change()
                found.append(nil)
            } catch let failure as Failure {
                #expect(!failure.why.isEmpty && !failure.next.isEmpty, "\(name)")
                found.append(failure.code)
            }
        }
        // Looking is free.
        _ = try await client.status(newerThan: nil, timeout: 0)
        try await client.check()
        await client.close()
        return found
    }

    private func expect(_ wish: [Failure.Code?], _ fence: Int?, _ path: String) async throws {
        let found = try await outcomes(fence, path)
        #expect(found == wish)
    }

    private let done: [Failure.Code?] = [nil, nil, nil, nil]
    private let refused: [Failure.Code?] = Array(repeating: .leaseHeld, count: 4)
    private let looks = ["status -", "check"]

    @Test("without a lease, or with one that never was, nothing is changed")
    func none() async throws {
        let (leases, fake) = (MemoryLeases(witness: witness), FakeControl())
        try await withServer(fake, guardedBy: leases) { path, _ in
            try await expect(refused, nil, path)
            try await expect(refused, 1, path)
        }
        #expect(await fake.asked == looks + looks)
    }

    @Test("the holder changes what it likes, until its time is over or another has the lease")
    func holder() async throws {
        let (leases, fake) = (MemoryLeases(witness: witness), FakeControl())
        try await withServer(fake, guardedBy: leases) { path, _ in
            let first = try await leases.acquire(.sample(1), lifetime: 15).fence
            try await expect(done, first, path)
            witness.pass(15)
            try await expect(refused, first, path)
            let second = try await leases.acquire(.sample(2), lifetime: 15).fence
            try await expect(refused, first, path)
            try await expect(done, second, path)
            _ = try await leases.breakLease()
            try await expect(refused, second, path)
        }
        #expect(await fake.asked.count == 5 * 2 + 2 * 4)
    }

    @Test("a supervisor that can't read the ledger changes nothing and goes on telling")
    func unreadable() async throws {
        struct Broken: LeaseGuard {
            func admit(_ fence: Int?) async throws {
                throw Failure(.failed, "cannot read the ledger", because: "it is damaged", next: "restore it")
            }
        }
        let fake = FakeControl()
        try await withServer(fake, guardedBy: Broken()) { path, _ in
            try await expect(Array(repeating: .failed, count: 4), 1, path)
        }
        #expect(await fake.asked == looks)
    }

    @Test("a fence that is no number is refused", arguments: ["x", "-1", "0", "1.5", "99999999999999999999"])
    func garbled(fence: String) async throws {
        let fake = FakeControl()
        try await withServer(fake) { path, _ in
            let client = try RawClient(path)
            client.send(
                "POST /v1/shutdown?drain=0 HTTP/1.1\r\nHost: x\r\nConvoy-Control: 1\r\nConvoy-Fence: \(fence)\r\n"
                    + "Content-Length: 0\r\n\r\n")
            #expect(await client.receiveAll().hasPrefix("HTTP/1.1 400 "))
            client.close()
        }
        #expect(await fake.asked.isEmpty)
    }
}
