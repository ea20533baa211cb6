import Fleet
import Foundation
import GRDB

/// What SQLite said about the ledger's file, in our words.
struct LedgerFault {
    enum Wish: String { case read, write }

    let path: String
    let wish: Wish

    func failure(_ error: DatabaseError) -> Failure {
        switch error.resultCode {
        case .SQLITE_FULL: noRoom
        // Where the disk is full SQLite's shared memory fails as if the disk were broken.
        case .SQLITE_IOERR: hasRoom ? broken(error) : noRoom
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: Self.damaged(path, "it is damaged")
        case .SQLITE_BUSY, .SQLITE_LOCKED: busy
        case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            hasRoom ? refused(error) : noRoom
        default: broken(error)
        }
    }

    /// Law 8: it is kept as it is, and nothing is done on its word.
    static func damaged(_ path: String, _ why: String) -> Failure {
        Failure(
            .failed, "cannot read the ledger \(path)", because: why,
            next: "restore it from a backup, or move it away and run `convoy up`: instances that run are adopted")
    }

    static func newer(_ path: String) -> Failure {
        Failure(
            .failed, "cannot read the ledger \(path)", because: "it is of a newer convoy",
            next: "use the convoy that wrote it")
    }

    private var what: String { "cannot \(wish.rawValue) the ledger \(path)" }

    private var noRoom: Failure {
        Failure(
            .unavailable, what, because: "no space is left on its disk; what was in it before still is",
            next: "free space on the file system that holds \(path), then run this again")
    }

    /// A process that was stopped in the middle of a write keeps everybody out, and nobody but it can end that.
    private var busy: Failure {
        Failure(
            .unavailable, what, because: "another process is in the middle of a write and does not end it",
            next: "`convoy lease` shows its pid: let it go on, or end it")
    }

    private func refused(_ error: DatabaseError) -> Failure {
        Failure(
            .failed, what, because: error.message ?? "it may not be opened",
            next: "run as a user who may write \(path) and its directory")
    }

    private func broken(_ error: DatabaseError) -> Failure {
        Failure(
            .failed, what, because: "\(error.message ?? "SQLite failed") (\(error.extendedResultCode.rawValue))",
            next: "look at the disk that holds \(path); what was in it before still is")
    }

    private var hasRoom: Bool {
        var space = statvfs()
        guard statvfs((path as NSString).deletingLastPathComponent, &space) == 0 else { return true }
        return UInt64(space.f_bavail) * UInt64(space.f_frsize) >= 65_536
    }
}
