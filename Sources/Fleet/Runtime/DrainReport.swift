/// What became of the sessions of instances that were taken away. In JSON every key is always there.
package struct DrainReport: Sendable, Equatable, Codable {
    /// Sessions that were open when the drain began, or were used again while it lasted.
    package var sessions: Int
    /// Ended by their clients, or used by nobody for as long as a drain lasts.
    package var ended: Int
    /// Sessions that any instance can serve: they went on elsewhere.
    package var moved: Int
    /// Still in use when the drain's time was over: their clients meet 404 and open new ones.
    package var cut: Int
    /// Calls and streams that were under way when their instance was stopped.
    package var callsCut: Int

    package init(sessions: Int = 0, ended: Int = 0, moved: Int = 0, cut: Int = 0, callsCut: Int = 0) {
        self.sessions = sessions
        self.ended = ended
        self.moved = moved
        self.cut = cut
        self.callsCut = callsCut
    }

    /// A supervisor of an older release says nothing.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func count(_ key: CodingKeys) throws -> Int { try values.decodeIfPresent(Int.self, forKey: key) ?? 0 }
        self.init(
            sessions: try count(.sessions), ended: try count(.ended), moved: try count(.moved), cut: try count(.cut),
            callsCut: try count(.callsCut))
    }

    package static func + (left: DrainReport, right: DrainReport) -> DrainReport {
        DrainReport(
            sessions: left.sessions + right.sessions, ended: left.ended + right.ended, moved: left.moved + right.moved,
            cut: left.cut + right.cut, callsCut: left.callsCut + right.callsCut)
    }

    /// For people; empty when there was nothing to drain.
    package var words: String {
        guard sessions > 0 || callsCut > 0 else { return "" }
        var words = "\(sessions) sessions: \(ended) ended, \(moved) moved, \(cut) cut"
        if callsCut > 0 { words += "; \(callsCut) calls cut" }
        return words
    }
}

/// How many sessions that are in use were opened by one instance, or can be served by any.
package struct SessionTally: Sendable, Equatable, Codable {
    package var pool: String
    /// Colour and slot, such as `a2`; nil = sessions that any instance of the pool can serve.
    package var tag: String?
    package var live: Int

    package init(pool: String, tag: String?, live: Int) {
        self.pool = pool
        self.tag = tag
        self.live = live
    }
}
