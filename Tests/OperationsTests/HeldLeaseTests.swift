import Fleet
import LedgerContract
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

/// A clock that goes on while its process does not: nobody who sleeps by it is woken, until cancelled.
private struct StoppedTime: Timepiece {
    let time: FakeTime

    func now() -> Seconds { Seconds(time.now) }
    func wallClock() -> Double { time.now }
    func sleep(_ length: Seconds) async throws {
        let (stream, _) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
        throw CancellationError()
    }
}

/// A store whose heartbeats can't be written.
private struct FullStore: LeaseStore {
    static let trouble = Failure(
        .unavailable, "cannot write the ledger", because: "no space is left", next: "free some")
    let leases: MemoryLeases
    let tries = Tries()

    actor Tries {
        private(set) var count = 0
        func add() { count += 1 }
    }

    func acquire(_ holder: LeaseHolder, lifetime: Seconds) async throws -> OperatorLease {
        try await leases.acquire(holder, lifetime: lifetime)
    }
    func renew(_ fence: Int, lifetime: Seconds) async throws {
        await tries.add()
        throw Self.trouble
    }
    func release(_ fence: Int) async throws { throw Self.trouble }
    func current() async throws -> OperatorLease? { try await leases.current() }
    func breakLease() async throws -> OperatorLease? { try await leases.breakLease() }
}

@Suite("HeldLease")
struct HeldLeaseTests {
    private struct Oops: Error {}

    private let world = FakeWorld()
    private let witness: HandWitness
    private let leases: MemoryLeases

    init() {
        witness = HandWitness { [time = world.time] in time.now }
        leases = MemoryLeases(witness: witness)
    }

    private var running: FakeTimepiece { FakeTimepiece(time: world.time, fuse: Fuse()) }

    /// What `hold` throws.
    private func failure(_ body: () async throws -> Void) async -> Failure? {
        do { try await body() } catch { return error as? Failure }
        return nil
    }

    @Test("as long as the verb runs the lease stays its own, and then it is free")
    func renewed() async throws {
        let (leases, time, world) = (leases, running, world)
        let value = try await world.run {
            try await HeldLease.hold(.sample(1), of: leases, time: time) { lease in
                try await time.sleep(100)
                try lease.check()
                let current = try await leases.current()
                #expect(current?.fence == lease.fence && (current?.ageSeconds ?? 0) >= 100)
                #expect((current?.heartbeatSeconds ?? 99) <= 5.5)
                return "done"
            }
        }
        #expect(value == "done")
        #expect(try await leases.current() == nil)
    }

    @Test("it is given back when the verb fails, and the verb's error is what is told")
    func givenBack() async throws {
        await #expect(throws: Oops.self) {
            try await HeldLease.hold(.sample(1), of: leases, time: running) { _ in throw Oops() }
        }
        #expect(try await leases.current() == nil)
        let other = Failure(.badSpec, "w", because: "y", next: "n")
        #expect(
            await failure {
                try await HeldLease.hold(.sample(1), of: leases, time: running) { _ in throw other }
            } == other)
    }

    @Test("the second operator is told who is at work, and its verb never begins")
    func second() async throws {
        _ = try await leases.acquire(.sample(1), lifetime: 15)
        let refusal = await failure {
            try await HeldLease.hold(.sample(2), of: leases, time: running) { _ -> Void in Issue.record("it began") }
        }
        #expect(refusal?.code == .leaseHeld && refusal?.why.contains("op1@web-1") == true)
    }

    @Test("an operator that was stopped and wakes late may change nothing, and ends with 75 whatever else fails")
    func stopped() async throws {
        let stopped = StoppedTime(time: world.time)
        let refusal = await failure {
            try await HeldLease.hold(.sample(1), of: leases, time: stopped) { lease in
                try lease.check()
                while world.time.now < 1016 { world.time.turn(limit: 1016) }
                #expect(lease.isLost)
                // Somebody else took over meanwhile, and must not be robbed at the end.
                _ = try await leases.acquire(.sample(2, verb: "up"), lifetime: 15)
                throw Failure(.revertFailed, "could not be undone", because: "refused", next: "")
            }
        }
        #expect(
            refusal?.code == .leaseHeld && refusal?.why.contains("op2@web-1") == true, "\(String(describing: refusal))")
        #expect(try await leases.current()?.holder == .sample(2, verb: "up"))
    }

    @Test("after the loss neither supervisor nor database nor files are touched")
    func fenced() async throws {
        let (leases, world, stopped) = (leases, world, StoppedTime(time: world.time))
        let before = world.disk.paths
        let refusal = await failure {
            try await HeldLease.hold(.sample(1), of: leases, time: stopped) { lease in
                while world.time.now < 1016 { world.time.turn(limit: 1016) }
                let plain = world.newOperator()
                let ports = plain.ports.fenced(by: lease)
                #expect(ports.isInterrupted())
                #expect(await failure { try ports.files.write("/x", "", mode: 0o600) }?.code == .leaseHeld)
                #expect(await failure { try ports.files.remove("/x") }?.code == .leaseHeld)
                let users = try ports.users(Secret("mongodb://admin@h/"))
                #expect(await failure { try await users.remove("x") }?.code == .leaseHeld)
                #expect(await failure { try await ports.control.flip(to: 1) }?.code == .leaseHeld)
                let fleet = FleetOperator(ports: ports, context: plain.context)
                _ = try await world.run { try await fleet.up() }
            }
        }
        #expect(refusal?.code == .leaseHeld)
        #expect(world.database.users.isEmpty)
        #expect(world.disk.paths == before, "\(world.disk.paths)")
    }

    @Test("heartbeats that can't be written are tried again; at the end of its time the reason is told, not a rival")
    func fullDisk() async throws {
        let (store, time, world) = (FullStore(leases: leases), running, world)
        let refusal = await failure {
            try await world.run {
                try await HeldLease.hold(.sample(1), of: store, time: time) { lease in
                    try await time.sleep(14)
                    try lease.check()
                    try await time.sleep(2)
                    try lease.check()
                }
            }
        }
        #expect(refusal == FullStore.trouble)
        #expect(await store.tries.count > 5)
    }

    @Test("a lease that was taken away is lost with the next heartbeat")
    func broken() async throws {
        let (leases, time, world) = (leases, running, world)
        let refusal = await failure {
            try await world.run {
                try await HeldLease.hold(.sample(1), of: leases, time: time) { lease in
                    _ = try await leases.breakLease()
                    try await time.sleep(6)
                    try lease.check()
                }
            }
        }
        #expect(refusal?.code == .leaseHeld && refusal?.why.contains("taken away") == true)
    }
}
