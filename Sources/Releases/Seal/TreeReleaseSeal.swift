import Fleet
import Ports
import Synchronization

/// Compares a release with the seal that was written when it was installed.
///
/// `check` asks the kernel for every file's fingerprint and reads only what moved; `verify` reads
/// every byte. Seals are kept in memory after their first use.
package final class TreeReleaseSeal: ReleaseSeal {
    let shelf: ReleaseShelf
    private let watches = Mutex<[Digest: Known]>([:])

    private struct Known {
        /// Of the seal file: a release that was installed anew has another one.
        var file: Fingerprint
        var watch: SealWatch
    }

    /// `state` is `FleetLayout.state`.
    package init(state: String) { shelf = ReleaseShelf(state: state) }

    package func check(_ digest: Digest) throws {
        let directory = shelf.directory(digest)
        let change = try watches.withLock { watches -> String? in
            // Taken out while it is used, or the dictionary would hold a second copy of it.
            let known = watches.removeValue(forKey: digest)
            let file = Posix.fingerprint(directory + "/" + Seal.file)
            var watch = try known.flatMap { $0.file == file ? $0.watch : nil } ?? SealWatch(load(digest))
            let change = try watch.firstChange(directory)
            if change == nil, let file { watches[digest] = Known(file: file, watch: watch) }
            return change
        }
        if let change { throw changed(digest, change) }
    }

    package func verify(_ digest: Digest) throws {
        let directory = shelf.directory(digest)
        let sealed = try load(digest)
        var left = Dictionary(sealed.entries.map { ($0.path, $0.content) }) { first, _ in first }
        let scan = try TreeScan(directory, skipping: [Seal.file])
        for entry in scan.entries.sorted(by: { $0.path < $1.path }) {
            guard let content = left.removeValue(forKey: entry.path) else {
                throw changed(digest, "\(entry.path) was added")
            }
            guard content == entry.content else { throw changed(digest, "\(entry.path) changed") }
        }
        if let missing = left.keys.min() { throw changed(digest, "\(missing) is missing") }
    }

    func load(_ digest: Digest) throws -> Seal {
        let path = shelf.directory(digest) + "/" + Seal.file
        guard Posix.fingerprint(shelf.directory(digest)) != nil else {
            throw Failure(
                .failed, "release \(digest.short) is not on this host",
                because: "\(shelf.directory(digest)) is missing",
                next: "run `convoy up`, which installs it from fleet.lock")
        }
        guard Posix.fingerprint(path) != nil, let seal = Seal(try Posix.readAll(path)) else {
            throw changed(digest, "\(Seal.file) is missing or no seal")
        }
        guard try seal.digest() == digest else {
            throw changed(digest, "\(Seal.file) is the seal of other bytes")
        }
        return seal
    }

    private func changed(_ digest: Digest, _ change: String) -> Failure {
        Failure(
            .failed, "release \(digest.short) is not what was installed", because: change,
            next: "find out who changed \(shelf.directory(digest)); "
                + "`convoy up` puts it aside and installs it again from fleet.lock")
    }
}
