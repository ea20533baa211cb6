/// What an operator asks a host for of its logs.
package struct LogQuestion: Sendable, Equatable, Codable {
    /// As the fleet calls the host that is asked.
    package var host: String
    /// Of pools, instances and daemons; none: all.
    package var names: [String]
    /// Seconds since 1970.
    package var since: Double?
    /// So many of the last lines at most.
    package var last: Int?
    /// Go on with lines as they are written.
    package var follows: Bool

    package init(host: String, names: [String], since: Double?, last: Int?, follows: Bool) {
        self.host = host
        self.names = names
        self.since = since
        self.last = last
        self.follows = follows
    }
}

/// Some lines of one host's logs, by time. Nobody has to hold more of them than one page.
package struct LogPage: Sendable, Equatable, Codable {
    package var entries: [LogEntry]
    /// What was written until the question has been told.
    package var isWhole: Bool
    /// Names that there are logs of, as far as they are known by now.
    package var known: [String]

    package init(_ entries: [LogEntry] = [], isWhole: Bool = false, known: [String] = []) {
        self.entries = entries
        self.isWhole = isWhole
        self.known = known
    }
}
