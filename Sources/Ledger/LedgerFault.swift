import Fleet
import Foundation
import GRDB
import Planning

/// Somebody else writes and does not end it. Of a heartbeat that is a trouble, of a verb the end.
struct LedgerBusy: Error {
    let path: String
}

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
        case .SQLITE_BUSY, .SQLITE_LOCKED: Self.busy(path, wish, holder: nil)
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
    /// - Parameter holder: who has the lease, as far as that can be read: a write keeps no reader out.
    static func busy(_ path: String, _ wish: Wish, holder: OperatorLease?) -> Failure {
        let next = "let it go on, or end it: nobody else can finish its write, and `--break` waits for it, too"
        guard let holder else {
            return Failure(
                .leaseHeld, "cannot \(wish.rawValue) the ledger \(path)",
                because: "another process is in the middle of a write and does not end it",
                next: "find it (`fuser \(path)`); " + next)
        }
        return Failure(
            .leaseHeld, "cannot change this fleet now",
            because: "\(holder.words) is at work on it, and the ledger is in the middle of a write", next: next)
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
