import Fleet
import LedgerContract
import Planning
import Ports
import Synchronization
import Testing

@testable import Operations

@Suite("Moving the ledger")
struct LedgerMoveTests {
    /// Two places in memory, and how often a step of either may still succeed.
    private final class Harbour: Sendable {
        let witness = HandWitness()
        let file: MemoryLeases
        let database: MemoryLeases
        let left = Mutex(Int.max)

        init() {
            file = MemoryLeases(witness: witness)
            database = MemoryLeases(witness: witness)
        }

        private func side(_ place: LedgerPlace) -> LedgerMove.Side {
            let leases = place == .file ? file : database
            return LedgerMove.Side(
                place: place, home: leases, berth: Cut(berth: MemoryBerth(leases), harbour: self))
        }

        func move(to place: LedgerPlace) -> LedgerMove {
            LedgerMove(
                from: side(place.other), to: side(place), holder: .sample(1, verb: "ledger move"),
                time: StillTime(), progress: Silence())
        }

        /// How many of the two serve something.
        func serving() async throws -> [LedgerPlace] {
            var found: [LedgerPlace] = []
            if try await MemoryBerth(file).standing() == .serving { found.append(.file) }
            if try await MemoryBerth(database).standing() == .serving { found.append(.mongodb) }
            return found
        }
    }

    private struct CutShort: Error {}

    /// Fails from some step on: sometimes before it is done, sometimes after.
    private struct Cut: LedgerBerth {
        let berth: any LedgerBerth
        let harbour: Harbour

        private func step<Value>(_ body: () async throws -> Value) async throws -> Value {
            let left = harbour.left.withLock { left -> Int in
                left = max(0, left - 1)
                return left
            }
            // Every second cut falls after the step was done, and nobody heard of it.
            guard left > 1 else {
                if left == 1 { _ = try await body() }
                throw CutShort()
            }
            return try await body()
        }

        func standing() async throws -> LedgerStanding { try await step { try await berth.standing() } }
        func cargo() async throws -> LedgerCargo { try await step { try await berth.cargo() } }
        func stow(_ cargo: LedgerCargo, by ticket: String) async throws {
            try await step { try await berth.stow(cargo, by: ticket) }
        }
        func leave(by ticket: String, under fence: Int) async throws {
            try await step { try await berth.leave(by: ticket, under: fence) }
        }
        func open(by ticket: String) async throws { try await step { try await berth.open(by: ticket) } }
    }

    /// Nobody waits: no heartbeat falls due within a move.
    private struct StillTime: Timepiece {
        func now() -> Seconds { 0 }
        func wallClock() -> Double { 0 }
        func sleep(_ time: Seconds) async throws { try await Task.sleep(for: .seconds(3600)) }
    }

    private struct Silence: Progress {
        func step(_ text: String) {}
        func detail(_ text: String) {}
    }

    private func filled() async throws -> Harbour {
        let harbour = Harbour()
        let fence = try await harbour.file.acquire(.sample(9), lifetime: 15).fence
        let ledger = harbour.file.ledger(under: fence)
        try await ledger.save(LedgerSamples.record())
        for step in ["stage", "flip"] {
            try await ledger.append(JournalEntry(rollout: 3, at: 1, step: step, mark: .done))
        }
        try await harbour.file.release(fence)
        return harbour
    }

    @Test("takes everything there and back; the count of leases goes on")
    func thereAndBack() async throws {
        let harbour = try await filled()
        let before = try await MemoryBerth(harbour.file).cargo()
        #expect(try await harbour.move(to: .mongodb).run(ticket: "1"))
        #expect(try await harbour.move(to: .mongodb).run(ticket: "2") == false)
        #expect(try await harbour.serving() == [.mongodb])
        let there = try await MemoryBerth(harbour.database).cargo()
        #expect(there.record == before.record && there.journals == before.journals && there.fence == before.fence + 1)
        #expect(try await harbour.move(to: .file).run(ticket: "3"))
        #expect(try await harbour.serving() == [.file])
        #expect(try await harbour.file.ledger(under: nil).load() == before.record)
        #expect(try await harbour.file.acquire(.sample(2), lifetime: 15).fence > there.fence)
    }

    @Test("whoever is at work is not disturbed: 75, and nothing has moved")
    func atWork() async throws {
        let harbour = try await filled()
        let fence = try await harbour.file.acquire(.sample(2), lifetime: 15).fence
        let refused = await refusal { _ = try await harbour.move(to: .mongodb).run(ticket: "1") }
        #expect(refused?.code == .leaseHeld)
        #expect(try await harbour.serving() == [.file])
        try await harbour.file.ledger(under: fence).save(LedgerRecord())
    }

    /// The law: never two that serve, and whatever was saved is where the move ends.
    @Test("cut after any number of steps, run again it ends, and never do two serve", arguments: 0..<24)
    func cuts(seed: Int) async throws {
        let harbour = try await filled()
        let before = try await MemoryBerth(harbour.file).cargo()
        var dice = UInt64(seed + 1)
        for place in [LedgerPlace.mongodb, .file, .mongodb, .file] {
            var attempts = 0
            while true {
                dice = dice &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                attempts += 1
                let steps = attempts > 8 ? Int.max : Int((dice >> 33) % 14)
                harbour.left.withLock { $0 = steps }
                let isDone = (try? await harbour.move(to: place).run(ticket: "\(dice)")) != nil
                #expect(try await harbour.serving().count <= 1)
                harbour.witness.pass(20)
                if isDone { break }
                try #require(attempts < 12)
            }
            #expect(try await harbour.serving() == [place])
            let leases = place == .file ? harbour.file : harbour.database
            let cargo = try await MemoryBerth(leases).cargo()
            #expect(cargo.record == before.record && cargo.journals == before.journals && cargo.fence >= before.fence)
        }
    }
}
