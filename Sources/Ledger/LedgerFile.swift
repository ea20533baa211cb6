import Fleet
import Foundation

/// Makes the ledger's file before SQLite opens it: readable by nobody else from the first moment.
struct LedgerFile {
    let path: String

    /// Nothing happens when it is there. An existing file is never opened here: closing it again would drop the locks
    /// that SQLite holds in this process.
    func create() throws {
        let file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            if errno == EEXIST { return }
            throw failure(errno)
        }
        defer { close(file) }
        try giveToOwner(file)
        try sync()
    }

    /// What root makes in somebody's fleet stays usable for the fleet's own user; SQLite does so with its other files.
    private func giveToOwner(_ file: Int32) throws {
        var owner = stat()
        guard geteuid() == 0, stat(directory, &owner) == 0, owner.st_uid != 0 else { return }
        guard fchown(file, owner.st_uid, owner.st_gid) == 0 else { throw failure(errno) }
    }

    private func sync() throws {
        let folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw failure(errno) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw failure(errno) }
    }

    private var directory: String { (path as NSString).deletingLastPathComponent }

    private func failure(_ code: Int32) -> Failure {
        let isFull = code == ENOSPC || code == EDQUOT
        return Failure(
            isFull ? .unavailable : .failed, "cannot write the ledger \(path)",
            because: String(cString: strerror(code)),
            next: isFull
                ? "free space on the file system that holds \(path), then run this again"
                : "run as a user who may write \(directory), or choose another --root")
    }
}
