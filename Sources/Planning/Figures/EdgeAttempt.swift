import Fleet

/// One attempt of the edge to have a request answered by an instance. A request has several when instances
/// did not answer.
package struct EdgeAttempt: Sendable, Equatable {
    /// The instance's port on 127.0.0.1.
    package var port: Int
    /// Nil when the client went away first.
    package var status: Int?
    /// Bytes of the request that were sent; 0 when nobody listened.
    package var sent: Int?
    /// From the connection to the answer's last byte.
    package var time: Seconds?

    /// Of a line of the edge's access log. None of GET: a stream is there to last, and its end is no fault. None
    /// of a line that is not the edge's.
    package static func parse(_ line: String) -> [EdgeAttempt] {
        let fields = FlatJSON(line).fields(["method", "upstream", "upstreamStatus", "upstreamTime", "upstreamSent"])
        guard let method = fields["method"], method != "GET", let addresses = fields["upstream"] else { return [] }
        let statuses = list(fields["upstreamStatus"])
        let times = list(fields["upstreamTime"])
        let sent = list(fields["upstreamSent"])
        return list(addresses).enumerated().compactMap { index, address in
            guard address.hasPrefix("127.0.0.1:"), let port = Int(address.dropFirst(10)) else { return nil }
            func value(_ list: [Substring]) -> Substring? { index < list.count ? list[index] : nil }
            return EdgeAttempt(
                port: port, status: value(statuses).flatMap { Int($0) }, sent: value(sent).flatMap { Int($0) },
                time: value(times).flatMap { Double($0) }.map { Seconds($0) })
        }
    }

    /// nginx writes `A, B` for attempts and `A : B` where it went on with another group.
    private static func list(_ text: Substring?) -> [Substring] {
        (text ?? "").split { $0 == "," || $0 == " " }.filter { $0 != ":" }
    }

    private static let faults = ["upstream prematurely closed connection", "recv() failed"]
    /// What nginx says that it was at. Before the answer's first line it says so, and the access log has a 502.
    private static let moments = [" while reading upstream, client: ", " while sending to client, client: "]

    /// Port of the instance that cut an answer after its beginning, of a line of the edge's error log: the access
    /// log shows such a call as answered. Nil for every other line.
    package static func cut(_ line: String) -> Int? {
        // All up to `request` is nginx's own; behind it clients have a say.
        guard let end = line.firstRange(of: ", request: \"") else { return nil }
        let own = line[..<end.lowerBound]
        guard own.contains("[error]"), faults.contains(where: own.contains), moments.contains(where: own.contains),
            line[end.upperBound...].hasPrefix("POST "),
            let upstream = line.firstRange(of: "upstream: \"http://127.0.0.1:")
        else { return nil }
        return Int(line[upstream.upperBound...].prefix { $0.isNumber })
    }
}

extension StringProtocol {
    /// Without Foundation, which spends more on it than nginx on the whole request.
    fileprivate func firstRange(of other: String) -> Range<Index>? {
        let wanted = Array(other.utf8)
        var place = utf8.startIndex
        while let start = utf8[place...].firstIndex(of: wanted[0]) {
            if utf8[start...].starts(with: wanted) {
                return start..<utf8.index(start, offsetBy: wanted.count)
            }
            place = utf8.index(after: start)
        }
        return nil
    }
}
