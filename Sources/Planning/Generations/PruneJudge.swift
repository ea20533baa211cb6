import Fleet

/// Which releases of a host somebody still needs, and for what.
package struct PruneJudge: Sendable {
    package enum Reason: String, Sendable, Equatable, Codable, CaseIterable {
        /// By the ledger: the generation that serves, the one that `rollback` goes to, the one that a rollout
        /// that is not over brings up.
        case serves, previous, next
        /// A supervisor runs it, or will when it is started.
        case runs
        /// `fleet.lock` names it: fetched ahead, or rolled before.
        case locked

        package var words: String {
            switch self {
            case .serves: "serves"
            case .previous: "`rollback` goes there"
            case .next: "a rollout to it is open"
            case .runs: "runs"
            case .locked: "fleet.lock names it"
            }
        }
    }

    private let current: Digest?
    private let previous: Digest?
    private let next: Digest?
    private let running: Set<Digest>
    private let locked: Set<Digest>

    package init(
        current: GenerationPlan?, previous: GenerationPlan?, next: GenerationPlan?, running: [GenerationPlan],
        lock: ReleaseLock
    ) {
        self.current = current?.release.digest
        self.previous = previous?.release.digest
        self.next = next?.release.digest
        self.running = Set(running.map(\.release.digest))
        locked = Set(lock.releases.map(\.digest))
    }

    /// Why the release is kept; empty: nobody needs it.
    package func reasons(_ release: Digest) -> [Reason] {
        var reasons: [Reason] = []
        if release == current { reasons.append(.serves) }
        if release == previous { reasons.append(.previous) }
        if release == next { reasons.append(.next) }
        if running.contains(release), release != current { reasons.append(.runs) }
        if locked.contains(release) { reasons.append(.locked) }
        return reasons
    }
}
