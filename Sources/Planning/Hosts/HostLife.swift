import Fleet

/// Whom a host serves, whatever it runs. Its supervisor keeps it over every restart; only an operator's word changes it.
///
/// Words may come late, twice and in any order. The law: once a host was left behind by a rollout, it serves nobody
/// until it is welcomed by whoever knows how that rollout ended; a word that is older than its welcome counts for
/// nothing.
package struct HostLife: Sendable, Equatable, Codable {
    package enum Word: Sendable, Equatable {
        case cordon
        /// The time for its sessions is over.
        case drained
        case uncordon
        /// The rollout of that number goes on without this host.
        case leave(rollout: Int)
        /// It runs what the fleet runs, as of all rollouts up to that number.
        case welcome(upTo: Int)
    }

    /// What the operator wishes while it is one of the fleet.
    package private(set) var wish: HostDoor
    /// The newest rollout that is known to have gone on without it; nil = it is one of the fleet.
    package private(set) var leftBy: Int?
    /// Up to this rollout it has been told how things stand.
    package private(set) var heard: Int

    package init() {
        wish = .open
        leftBy = nil
        heard = 0
    }

    package var door: HostDoor { leftBy == nil ? wish : .behind }
    package var takesNew: Bool { door == .open }
    package var keepsSessions: Bool { door == .open || door == .cordoned }

    /// Whether anything is another than before.
    @discardableResult
    package mutating func hear(_ word: Word) -> Bool {
        let before = self
        switch word {
        // Who is drained takes nobody new anyway, and must not serve the old again.
        case .cordon: if wish == .open { wish = .cordoned }
        case .drained: wish = .drained
        case .uncordon: wish = .open
        case .leave(let rollout): if rollout > heard { leftBy = max(leftBy ?? 0, rollout) }
        case .welcome(let newest):
            guard newest >= leftBy ?? 0 else { break }
            heard = max(heard, newest)
            leftBy = nil
        }
        return self != before
    }
}
