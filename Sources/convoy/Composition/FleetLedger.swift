import Fleet
import Foundation
import Ledger
import MongoDB
import Operations
import Planning
import Ports
import Supervision

/// The fleet's ledger, wherever it lies. That is looked up for each question: a move may come between two. A verb
/// follows its fleet.yaml, which must agree with the host's mark; a daemon, and a verb without one, follows the mark.
struct FleetLedger: LedgerHome {
    /// What fleet.yaml says of the ledger.
    enum Wish: Sendable, Equatable {
        /// No fleet.yaml, or one that can't be read.
        case unknown
        case file
        /// - Parameter path: absolute.
        case mongodb(fleet: String, path: String)
    }

    let layout: FleetLayout
    let wish: Wish
    let file: SQLiteLeases

    init(_ layout: FleetLayout, wish: Wish = .unknown) {
        self.layout = layout
        self.wish = wish
        file = SQLiteLeases(database: LedgerDatabase(path: layout.ledger, legacyPath: layout.oldLedger))
    }

    func ledger(under fence: Int?) -> any Ports.Ledger { LookedUpLedger(home: self, fence: fence) }

    func acquire(_ holder: LeaseHolder, lifetime: Seconds) async throws -> OperatorLease {
        try await home().acquire(holder, lifetime: lifetime)
    }
    func renew(_ fence: Int, lifetime: Seconds) async throws { try await home().renew(fence, lifetime: lifetime) }
    func release(_ fence: Int) async throws { try await home().release(fence) }
    func current() async throws -> OperatorLease? { try await home().current() }
    func breakLease() async throws -> OperatorLease? { try await home().breakLease() }
    func admit(_ fence: Int?) async throws { try await home().admit(fence) }

    /// In a database whoever was lost on another machine is only known by its silence, and an election must not end
    /// a rollout.
    var rhythm: HeldLease.Rhythm {
        get throws { try place == .mongodb ? HeldLease.Rhythm(lifetime: 30) : HeldLease.Rhythm() }
    }

    var place: LedgerPlace { get throws { try address() == nil ? .file : .mongodb } }

    /// That place, and its address for people.
    func parts(
        _ place: LedgerPlace
    ) async throws -> (home: any LedgerHome, berth: any LedgerBerth, address: String) {
        guard place == .mongodb else { return (file, SQLiteBerth(file), layout.ledger) }
        guard let mark = try address() else {
            throw Failure(
                .usage, "cannot look at the ledger's database", because: "fleet.yaml names none", next: "name it there")
        }
        let home = Self.database(mark)
        return (home, MongoBerth(home), try await home.servers())
    }

    /// Before anything is changed: what the host's supervisor will ask is what this verb asks.
    func settle() async throws {
        _ = try await home()
        if case .mongodb = wish { try address()?.write(layout) }
    }

    /// In the database that is named; its standing doesn't matter.
    static func database(_ mark: LedgerMark) -> MongoLeases {
        MongoLeases(uri: Secret(mark.uri), fleet: mark.fleet, witness: SystemWitness())
    }

    fileprivate func home() async throws -> any LedgerHome {
        guard let address = try address() else { return file }
        if try LedgerMark.read(layout) == nil, try await SQLiteBerth(file).standing() == .serving {
            throw Failure(
                .failed, "cannot use the ledger in \(LedgerPlace.mongodb.words)",
                because: "fleet.yaml names one, and the ledger of this fleet is \(layout.ledger)",
                next: "`convoy ledger move --to mongodb` takes it there; or remove `ledger` from fleet.yaml")
        }
        return Self.database(address)
    }

    /// Nil for the file.
    private func address() throws -> LedgerMark? {
        switch wish {
        case .unknown: return try LedgerMark.read(layout)
        case .mongodb(let fleet, let path): return LedgerMark(fleet: fleet, uri: try LedgerAddress(path: path).uri())
        case .file:
            guard try LedgerMark.read(layout) != nil else { return nil }
            throw Failure(
                .failed, "cannot use the ledger in \(LedgerPlace.file.words)",
                because: "this fleet's is in its database, and fleet.yaml names none",
                next: "write `ledger: {file: PATH}` into fleet.yaml; or take it back by `convoy ledger move --to file`")
        }
    }
}

private struct LookedUpLedger: Ports.Ledger {
    let home: FleetLedger
    let fence: Int?

    func load() async throws -> LedgerRecord { try await ledger().load() }
    func save(_ record: LedgerRecord) async throws { try await ledger().save(record) }
    func append(_ entry: JournalEntry) async throws -> Int { try await ledger().append(entry) }
    func journal(of rollout: Int) async throws -> [JournalEntry] { try await ledger().journal(of: rollout) }

    private func ledger() async throws -> any Ports.Ledger { try await home.home().ledger(under: fence) }
}

/// The file that `ledger` in fleet.yaml names.
struct LedgerAddress {
    /// Absolute.
    let path: String

    func uri() throws -> String {
        guard let known = try existing() else {
            throw Failure(
                .unavailable, "cannot read the ledger's connection string", because: "\(path) is missing",
                next: "`convoy ledger user` makes it and its user; or write it there with mode 0600")
        }
        return known
    }

    /// Nil when it is missing.
    func existing() throws -> String? {
        try PosixFiles().readSecret(path)?.reveal().trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
