import Fleet
import Planning
import Ports

/// Takes a fleet's ledger to another place, all of it or nothing, under the lease of where it is. Cut anywhere, it is
/// run again.
package struct LedgerMove: Sendable {
    package struct Side: Sendable {
        package var place: LedgerPlace
        package var home: any LedgerHome
        package var berth: any LedgerBerth

        package init(place: LedgerPlace, home: any LedgerHome, berth: any LedgerBerth) {
            self.place = place
            self.home = home
            self.berth = berth
        }
    }

    package let source: Side
    package let target: Side
    package let holder: LeaseHolder
    package let rhythm: HeldLease.Rhythm
    package let time: any Timepiece
    package let progress: any Progress

    package init(
        from source: Side, to target: Side, holder: LeaseHolder, rhythm: HeldLease.Rhythm = .init(),
        time: any Timepiece, progress: any Progress
    ) {
        self.source = source
        self.target = target
        self.holder = holder
        self.rhythm = rhythm
        self.time = time
        self.progress = progress
    }

    /// False when it was there already.
    /// - Parameter ticket: tells this move from every other.
    package func run(ticket: String) async throws -> Bool {
        switch try await next() {
        case .nothing: return false
        case .refuse(let why): throw refusal(why)
        case .open(let known): try await target.berth.open(by: known)
        case .copy:
            try await HeldLease.hold(holder, of: source.home, time: time, rhythm: rhythm) { lease in
                try await copy(ticket, under: lease)
            }
            try await target.berth.open(by: ticket)
        }
        progress.step("the ledger is in \(target.place.words) now")
        return true
    }

    private func copy(_ ticket: String, under lease: HeldLease) async throws {
        // Somebody may have moved it while we waited for the lease.
        guard try await next() == .copy else { throw refusal("somebody else has moved it a moment ago") }
        let cargo = try await source.berth.cargo()
        progress.step("copying \(cargo.record.audit.count) audit entries and \(cargo.journals.count) journals")
        try await target.berth.stow(cargo, by: ticket)
        let arrived = try await target.berth.cargo()
        // It may have counted further there, in another life.
        guard arrived.record == cargo.record, arrived.journals == cargo.journals, arrived.fence >= cargo.fence else {
            throw refusal("what was read back from \(target.place.words) is not what was written")
        }
        try lease.check()
        try await source.berth.leave(by: ticket, under: lease.fence)
    }

    private func next() async throws -> LedgerMoveStep {
        LedgerMoveJudge.next(
            from: try await source.berth.standing(), to: try await target.berth.standing(), at: target.place)
    }

    private func refusal(_ why: String) -> Failure {
        Failure(
            .failed, "cannot move the ledger to \(target.place.words)", because: why,
            next: "`convoy ledger show` tells how things stand; nothing that serves was changed")
    }
}
