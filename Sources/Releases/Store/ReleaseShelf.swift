import Fleet
import Glibc

/// Where releases are on this host, and how they get there: staged aside, then renamed into place,
/// so that a release is either whole or not there.
///
/// ```
/// releases/.lock          held while anything is added or removed
/// releases/.staging/      belongs to the holder of the lock; anything else in it is garbage
/// releases/.quarantine/   what was put aside: changed, or could not be read
/// releases/<digest>/      tree/ pycache/ launch.py release.json seal.json
/// wheels/<sha256>/<file>  fetched once
/// ```
struct ReleaseShelf: Sendable {
    let state: String

    var releases: String { state + "/releases" }
    var staging: String { releases + "/.staging" }
    var quarantine: String { releases + "/.quarantine" }
    var wheels: String { state + "/wheels" }
    func directory(_ digest: Digest) -> String { releases + "/" + digest.hex }

    /// Runs `body` while no other task or process changes the shelf.
    func locked<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try Posix.makeDirectory(releases)
        let path = releases + "/.lock"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Posix.failure("open", path) }
        // Closing releases the lock, as does any death of this process.
        defer { close(file) }
        while flock(file, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw Posix.failure("lock", path) }
            try await Task.sleep(for: .milliseconds(50))
        }
        try sweep()
        return try await body()
    }

    /// What an earlier holder of the lock left when it was cut.
    private func sweep() throws {
        guard Posix.fingerprint(staging) != nil else { return }
        for name in try Posix.names(in: staging) {
            // A pip that outlived its killed convoy may still write there; what stays goes next time.
            try? Posix.removeTree(staging + "/" + name)
        }
    }

    func stage() throws -> String {
        let path = staging + "/\(getpid())-\(UInt64.random(in: .min ... .max))"
        try Posix.makeDirectory(path)
        return path
    }

    /// Puts a complete, sealed staging directory in place of whatever is there.
    func publish(_ staged: String, as digest: Digest) throws {
        Posix.syncAll()
        let target = directory(digest)
        // Only a release that changed is replaced: nobody may start from it in between anyway, and
        // when we are cut here, the next install finds nothing and puts it there.
        if Posix.fingerprint(target) != nil { try putAside(target, named: digest.hex) }
        try Posix.move(staged, to: target)
        Posix.syncAll()
    }

    /// Never deletes: somebody may still run from it, or want to know what happened to it.
    @discardableResult
    func putAside(_ path: String, named name: String) throws -> String {
        try Posix.makeDirectory(quarantine, mode: 0o700)
        for number in 1... {
            let target = "\(quarantine)/\(name)-\(number)"
            if Posix.fingerprint(target) == nil {
                try Posix.move(path, to: target)
                return target
            }
        }
        return path
    }
}
