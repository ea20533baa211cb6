import LedgerContract
import Testing

@testable import Ledger

@Suite("Ledger contract")
struct LedgerContractTests {
    @Test("a new ledger knows nothing and begins with generation 1", arguments: Kind.allCases)
    func empty(kind: Kind) async throws { try await LedgerContract.empty(Desk(kind).stage) }

    @Test("what was saved is loaded, all of it", arguments: Kind.allCases)
    func roundTrip(kind: Kind) async throws { try await LedgerContract.roundTrip(Desk(kind).stage) }

    @Test("of the audit the newest 500 entries are kept, in order", arguments: Kind.allCases)
    func audit(kind: Kind) async throws { try await LedgerContract.audit(Desk(kind).stage) }

    @Test("each rollout's journal counts from 1 and keeps its order", arguments: Kind.allCases)
    func journal(kind: Kind) async throws { try await LedgerContract.journal(Desk(kind).stage) }

    @Test("without a lease, or with one that is over, nothing is written", arguments: Kind.allCases)
    func fenced(kind: Kind) async throws { try await LedgerContract.fenced(Desk(kind).stage) }
}

@Suite("LedgerBerth contract")
struct BerthContractTests {
    @Test("what arrives is all there, is refused until it is opened, and goes on counting", arguments: Kind.allCases)
    func arrival(kind: Kind) async throws {
        let desk = try Desk(kind)
        try await BerthContract.arrival(desk.stage, desk.berth)
    }

    @Test("what has left is refused with what to do next, and can come back", arguments: Kind.allCases)
    func departure(kind: Kind) async throws {
        let desk = try Desk(kind)
        try await BerthContract.departure(desk.stage, desk.berth)
    }

    @Test("a file that has left is one of a newer convoy for those that know no moves")
    func older() async throws {
        let desk = try Desk()
        let fence = try await desk.acquire(1)
        try await desk.ledger(under: fence).save(try LedgerSamples.record())
        try await desk.berth.leave(by: "t", under: fence)
        let database = LedgerDatabase(path: desk.path, legacyPath: desk.oldPath)
        let isNewer = try await database.readWherever { try LedgerSchema.migrator.hasBeenSuperseded($0) }
        #expect(isNewer == true)
        try await desk.berth.stow(try await desk.berth.cargo(), by: "back")
        try await desk.berth.open(by: "back")
        let isKnown = try await desk.another().ledger().load()
        #expect(isKnown == (try LedgerSamples.record()))
        #expect(try await database.readWherever { try LedgerSchema.migrator.hasBeenSuperseded($0) } == false)
    }
}
