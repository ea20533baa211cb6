import Fleet
import Foundation
import LedgerContract
import Ports

@testable import Ledger

enum Kind: String, CaseIterable, Sendable { case memory, sqlite }

/// A ledger and its lease of either kind, over a clock that the test turns.
final class Desk: Sendable {
    let witness = HandWitness()
    let leases: any LedgerHome
    let berth: any LedgerBerth
    let directory: String

    var path: String { directory + "/ledger.db" }
    var oldPath: String { directory + "/ledger.json" }

    init(_ kind: Kind = .sqlite) throws {
        directory = FileManager.default.temporaryDirectory.path + "/convoy-ledger-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        switch kind {
        case .memory:
            let memory = MemoryLeases(witness: witness)
            (leases, berth) = (memory, MemoryBerth(memory))
        case .sqlite:
            let sqlite = Desk.open(directory, witness)
            (leases, berth) = (sqlite, SQLiteBerth(sqlite))
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    var stage: LedgerStage { LedgerStage(witness: witness, leases: leases, endsWithBoot: true, owner: self) }

    func ledger(under fence: Int? = nil) -> any Ports.Ledger { leases.ledger(under: fence) }

    func acquire(_ pid: Int32, verb: String = "rollout") async throws -> Int {
        try await leases.acquire(.sample(pid, verb: verb), lifetime: 15).fence
    }

    /// As another process sees the same file.
    func another() -> SQLiteLeases { Desk.open(directory, witness) }

    static func open(_ directory: String, _ witness: HandWitness = HandWitness()) -> SQLiteLeases {
        SQLiteLeases(
            database: LedgerDatabase(path: directory + "/ledger.db", legacyPath: directory + "/ledger.json"),
            witness: witness)
    }
}

/// The failure that `body` throws; nil when it throws none, or another error.
func failure(_ body: () async throws -> Void) async -> Failure? { await refusal(body) }
