import LedgerContract
import Testing

@testable import Ledger

@Suite("LeaseStore contract")
struct LeaseContractTests {
    @Test("nobody holds a new lease; the second who asks is told who has it", arguments: Kind.allCases)
    func second(kind: Kind) async throws { try await LeaseContract.second(Desk(kind).stage) }

    @Test("a heartbeat prolongs it; silence ends it, for good", arguments: Kind.allCases)
    func expiry(kind: Kind) async throws { try await LeaseContract.expiry(Desk(kind).stage) }

    @Test(
        "a holder whose process is gone, or whose machine was started anew, loses it at once", arguments: Kind.allCases)
    func gone(kind: Kind) async throws { try await LeaseContract.gone(Desk(kind).stage) }

    @Test("fences count up, also after a release and a break", arguments: Kind.allCases)
    func fences(kind: Kind) async throws { try await LeaseContract.fences(Desk(kind).stage) }

    @Test("a broken holder can neither write nor renew nor ask a supervisor", arguments: Kind.allCases)
    func broken(kind: Kind) async throws { try await LeaseContract.broken(Desk(kind).stage) }

    @Test("a supervisor admits the fence that is held now, and no other", arguments: Kind.allCases)
    func admission(kind: Kind) async throws { try await LeaseContract.admission(Desk(kind).stage) }

    @Test("one at most can write, fences grow, what was saved stays: in any order", arguments: Kind.allCases, 0..<4)
    func laws(kind: Kind, seed: Int) async throws {
        try await LeaseLaws.hold(Desk(kind).stage, seed: seed, steps: kind == .memory ? 5000 : 500)
    }
}
