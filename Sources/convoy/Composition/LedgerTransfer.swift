import Console
import Fleet
import Foundation
import Ledger
import MongoDB
import Operations
import Planning
import Ports
import Supervision

/// `convoy ledger move`: both places, whatever fleet.yaml and the host's mark say.
struct LedgerTransfer {
    let workplace: Workplace
    let context: FleetContext
    let isQuiet: Bool

    static func user(_ workplace: Workplace, _ context: FleetContext, _ adminFile: String?) throws -> LedgerUser {
        guard let ledger = context.spec.ledger else {
            throw Failure(
                .usage, "cannot tell where the ledger's database is", because: "fleet.yaml names none",
                next: "write `ledger: {file: secrets/ledger-uri}` into it: that file is made, if it is missing")
        }
        return LedgerUser(spec: context.spec, file: workplace.beside(ledger.file), adminFile: adminFile)
    }

    /// False when it was there already.
    func run(to place: LedgerPlace, adminFile: String?) async throws -> Bool {
        for path in [workplace.layout.state, workplace.layout.runtime] {
            try PosixFiles().makeDirectory(path, mode: 0o755)
        }
        if place == .mongodb {
            let user = try Self.user(workplace, context, adminFile)
            if try LedgerAddress(path: user.file).existing() == nil || adminFile != nil { _ = try await user.ensure() }
        }
        guard let mark = try mark() else {
            // Neither fleet.yaml nor this host knows a database: it never was in one.
            return false
        }
        let database = FleetLedger.database(mark)
        let file = workplace.leases.file
        let sides = [
            LedgerPlace.file: LedgerMove.Side(place: .file, home: file, berth: SQLiteBerth(file)),
            .mongodb: LedgerMove.Side(place: .mongodb, home: database, berth: MongoBerth(database)),
        ]
        guard let source = sides[place.other], let target = sides[place] else { return false }
        let move = LedgerMove(
            from: source, to: target, holder: SystemWitness.holder(for: "ledger move"),
            rhythm: place == .file ? HeldLease.Rhythm(lifetime: 30) : HeldLease.Rhythm(), time: SystemTime(),
            progress: TerminalProgress(terminal: workplace.terminal, isQuiet: isQuiet))
        let changed = try await move.run(ticket: SystemSecrets().secret(bytes: 12).reveal())
        // Last: as long as it is missing, or still there, daemons ask where nobody writes any more, and refuse.
        if place == .mongodb { try mark.write(workplace.layout) } else { try LedgerMark.remove(workplace.layout) }
        return changed
    }

    private func mark() throws -> LedgerMark? {
        guard let ledger = context.spec.ledger else { return try LedgerMark.read(workplace.layout) }
        let uri = try LedgerAddress(path: workplace.beside(ledger.file)).uri()
        return LedgerMark(fleet: context.spec.name, uri: uri)
    }
}
