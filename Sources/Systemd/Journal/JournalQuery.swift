import Planning

/// Which lines of the journal are wanted.
package struct JournalQuery: Sendable, Equatable {
    package enum Source: Sendable, Hashable {
        case pool(String)
        case instance(String)
        /// `supervisor`, `gate`, `refresher`, `edge`
        case daemon(String)
    }

    package var fleet: String
    /// Empty: all of the fleet and Convoy's daemons.
    package var sources: Set<Source>
    /// Seconds since 1970.
    package var since: Double?
    /// So many of the last lines at most.
    package var last: Int?
    /// Go on with lines as they are written.
    package var follows: Bool
    /// This machine's name where a fleet is on several, since it is in the names of instances then.
    package var host: String?

    package init(
        fleet: String, sources: Set<Source> = [], since: Double? = nil, last: Int? = nil, follows: Bool = false,
        host: String? = nil
    ) {
        self.host = host
        self.fleet = fleet
        self.sources = sources
        self.since = since
        self.last = last
        self.follows = follows
    }

    /// Sets of matches for the journal: one of the sets must fit, and of a set every name with any of its values.
    ///
    /// What systemd itself says of a unit (why it died) carries no field of Convoy's, only the unit's name; of a
    /// whole pool these are picked by `wants`.
    var matches: [[String]] {
        let wanted = sources.isEmpty ? everything : sources
        var sets: [[String]] = []
        var listensToSystemd = false
        for source in wanted.sorted(by: { "\($0)" < "\($1)" }) {
            switch source {
            case .pool(let name):
                sets.append(["\(JournalField.fleet)=\(fleet)", "\(JournalField.pool)=\(name)"])
                listensToSystemd = true
            case .instance(let name):
                sets.append(["\(JournalField.fleet)=\(fleet)", "\(JournalField.instance)=\(name)"])
                sets.append(["_PID=1", "UNIT=\(UnitName(id: name).text)"])
            case .daemon(let name):
                sets.append(["_SYSTEMD_UNIT=\(UnitName(id: name).text)"])
                sets.append(["_PID=1", "UNIT=\(UnitName(id: name).text)"])
            }
        }
        if sources.isEmpty { sets.append(["\(JournalField.fleet)=\(fleet)"]) }
        if sources.isEmpty || listensToSystemd { sets.append(["_PID=1"]) }
        return sets
    }

    /// Anybody may write fields of any name, so a line counts only when it comes from a unit of Convoy's.
    func wants(_ line: JournalLine) -> Bool {
        guard line.unit.text.hasPrefix("convoy-") else { return false }
        guard line.isFromSystemd, !sources.isEmpty else { return true }
        return sources.contains { source in
            switch source {
            case .pool(let name): line.unit.instance.map { isInstance($0, of: name) } ?? false
            case .instance(let name), .daemon(let name): line.unit == UnitName(id: name)
            }
        }
    }

    /// `POOL-SLOT-gGENERATION` or `POOL-HOST-SLOT-gGENERATION`: a pool's name may be the beginning of another's.
    private func isInstance(_ instance: String, of pool: String) -> Bool {
        let heads = [pool + "-"] + (host.map { ["\(pool)-\($0)-"] } ?? [])
        return heads.contains { head in
            instance.hasPrefix(head)
                && instance.dropFirst(head.count).wholeMatch(of: #/[0-9]+-g[0-9]+/#) != nil
        }
    }

    private var everything: Set<Source> { Set(UnitName.daemons.map { .daemon($0) }) }
}

package struct JournalLine: Sendable, Equatable {
    /// Seconds since 1970.
    package var time: Double
    /// The unit that wrote it, or that systemd speaks of.
    package var unit: UnitName
    package var isFromSystemd: Bool
    package var pool: String?
    package var instance: String?
    package var generation: Int?
    /// 0 (emergency) ... 7 (debug)
    package var priority: Int
    /// May hold anything that a server printed, credentials included: redact before showing.
    package var message: String

    package init(
        time: Double, unit: UnitName, isFromSystemd: Bool = false, pool: String? = nil, instance: String? = nil,
        generation: Int? = nil, priority: Int = 6, message: String
    ) {
        self.time = time
        self.unit = unit
        self.isFromSystemd = isFromSystemd
        self.pool = pool
        self.instance = instance
        self.generation = generation
        self.priority = priority
        self.message = message
    }

    /// The instance's name or the daemon's, as `convoy logs` names its lines.
    package var source: String {
        instance ?? unit.instance ?? String(unit.text.dropFirst("convoy-".count).prefix { $0 != "." })
    }
}
