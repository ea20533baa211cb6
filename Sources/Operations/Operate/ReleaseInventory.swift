import Fleet
import Planning
import Ports

/// The releases on this host, why each is kept, and away with the others. Needs no valid fleet.yaml.
package struct ReleaseInventory: Sendable {
    /// One line of `convoy releases list --json` (`ops/schemas/releases.schema.json`).
    package struct Entry: Sendable, Equatable, Codable {
        package var reference: ReleaseReference
        package var digest: Digest
        package var tree: String
        /// Empty: `prune` removes it.
        package var kept: [PruneJudge.Reason]
    }

    private let releases: any ReleaseStore
    private let ledger: any Ledger
    private let files: any FileStore
    private let layout: FleetLayout
    private let lockFile: String

    /// - Parameter lockFile: path of `fleet.lock`; none there means that nothing is locked.
    package init(
        releases: any ReleaseStore, ledger: any Ledger, files: any FileStore, layout: FleetLayout, lockFile: String
    ) {
        self.releases = releases
        self.ledger = ledger
        self.files = files
        self.layout = layout
        self.lockFile = lockFile
    }

    package func list() async throws -> [Entry] {
        let record = try await ledger.load()
        let judge = PruneJudge(
            current: record.current, previous: record.previous, next: record.next,
            running: try GenerationStore(files: files, layout: layout).load().plans,
            lock: try LockFile(files: files, path: lockFile).load())
        return try await releases.list().map {
            Entry(reference: $0.reference, digest: $0.digest, tree: $0.tree, kept: judge.reasons($0.digest))
        }
    }

    /// Removes what nobody needs; returns it. A release that can't be read as one is left alone.
    ///
    /// - Parameters:
    ///   - alsoLocked: and what only `fleet.lock` names: its hashes fetch the same bytes again.
    ///   - check: asked before each removal; what it throws ends the pruning.
    package func prune(alsoLocked: Bool, check: () throws -> Void) async throws -> [Entry] {
        let all = try await list()
        let doomed = all.filter { $0.kept.isEmpty || (alsoLocked && $0.kept == [.locked]) }
        for entry in doomed {
            try check()
            try await releases.remove(entry.digest)
        }
        let gone = Set(doomed.map(\.digest))
        try OfferShelf(files: files, layout: layout).prune(keeping: Set(all.map(\.digest)).subtracting(gone))
        return doomed
    }
}
