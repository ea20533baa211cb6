import Fleet
import Foundation

/// A directory of this user's only, with a short path, as sockets need it; it goes with `remove`, or with the next
/// run after this one was killed.
struct PrivateFolder {
    private static let prefix = "convoy-"
    private static let lock = ".owner"

    let path: String
    /// Locked as long as this process lives; the kernel lets go of it, however that ends.
    private let owner: Int32

    /// - Parameter parent: where to; what dead owners left there is removed.
    init(in parent: String = "/tmp") throws {
        Self.sweep(parent)
        // Somebody else's sweep may come between the directory and its lock.
        for _ in 0..<5 {
            var template = Array("\(parent)/\(Self.prefix)XXXXXX".utf8CString)
            guard mkdtemp(&template) != nil else { break }
            let made = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let lock = open("\(made)/\(Self.lock)", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
            if lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 {
                (path, owner) = (made, lock)
                return
            }
            if lock >= 0 { close(lock) }
        }
        throw Failure(
            .failed, "cannot make a directory in \(parent)", because: String(cString: strerror(errno)),
            next: "see to \(parent), then run it again")
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
        close(owner)
    }

    /// Only what is this user's, not a link, and has an owner who is gone. A name in /tmp may be anybody's.
    private static func sweep(_ parent: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        for name in names where name.hasPrefix(prefix) && name.count == prefix.count + 6 {
            let folder = "\(parent)/\(name)"
            var found = stat()
            guard lstat(folder, &found) == 0, found.st_mode & S_IFMT == S_IFDIR, found.st_uid == geteuid(),
                found.st_mode & 0o077 == 0
            else { continue }
            let owner = open("\(folder)/\(lock)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
            guard owner >= 0 else { continue }
            if flock(owner, LOCK_EX | LOCK_NB) == 0 { try? FileManager.default.removeItem(atPath: folder) }
            close(owner)
        }
    }
}
