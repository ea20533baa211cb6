import Fleet
import Foundation
import Ports
import Supervision

/// What a host is told about a ledger in a database: its supervisor has no fleet.yaml. Holds a password, so it is
/// its owner's alone.
struct LedgerMark: Codable, Equatable {
    var fleet: String
    var uri: String

    /// Nil where the ledger is a file.
    static func read(_ layout: FleetLayout) throws -> LedgerMark? { try read(at: layout.ledgerMark) }

    static func read(at path: String) throws -> LedgerMark? {
        guard let text = try PosixFiles().readSecret(path) else { return nil }
        guard let mark = try? JSONDecoder().decode(LedgerMark.self, from: Data(text.reveal().utf8)) else {
            throw Failure(
                .failed, "cannot tell where the ledger is", because: "\(path) is damaged",
                next: "remove it; the next `convoy up` writes it anew")
        }
        return mark
    }

    func write(_ layout: FleetLayout) throws {
        guard try Self.read(layout) != self else { return }
        try PosixFiles().makeDirectory(layout.configuration, mode: 0o755)
        try PosixFiles().write(layout.ledgerMark, try StableJSON.text(self), mode: 0o600)
    }

    static func remove(_ layout: FleetLayout) throws { try PosixFiles().remove(layout.ledgerMark) }
}
