/// What each of many hosts is at, and for how long, as a table.
package struct HostRows: Sendable {
    /// More would scroll what was printed before out of a small terminal.
    private static let most = 16
    private var rows: [(host: String, work: String, since: Double)] = []

    package init() {}

    package var isEmpty: Bool { rows.isEmpty }

    /// - Parameters:
    ///   - work: nil = it is done, and has no row any more.
    ///   - now: seconds, of any clock.
    package mutating func note(_ host: String, at work: String?, now: Double) {
        let place = rows.firstIndex { $0.host == host }
        switch (place, work) {
        case (let place?, let work?) where rows[place].work != work: rows[place] = (host, work, now)
        case (let place?, nil): rows.remove(at: place)
        case (nil, let work?): rows.append((host, work, now))
        default: break
        }
    }

    package func lines(now: Double, width: Int) -> [String] {
        guard !rows.isEmpty else { return [] }
        var table = Table("HOST", "SECONDS", "STEP")
        let sorted = rows.sorted { $0.host.compare($1.host) }
        for row in sorted.prefix(Self.most) {
            let tenths = Int(max(0, now - row.since) * 10)
            table.add(row.host, "\(tenths / 10).\(tenths % 10)", row.work)
        }
        let rest = rows.count - Self.most
        let lines = table.text(width: width).split(separator: "\n").map(String.init)
        return lines + (rest > 0 ? ["and \(rest) more"] : [])
    }
}

extension String {
    /// `web-2` before `web-10`.
    fileprivate func compare(_ other: String) -> Bool { (count, self) < (other.count, other) }
}
