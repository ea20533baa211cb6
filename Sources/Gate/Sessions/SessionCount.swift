import Fleet
import FoundationEssentials

/// `GET /sessions`: how many sessions of which instance are in use. The supervisor asks while it drains;
/// `X-Convoy-Query: idle=SECONDS` says for how long nobody may have used one that counts.
struct SessionCount: Sendable {
    let sessions: SessionTable

    private struct Document: Encodable { var sessions: [SessionTally] }

    func answer(_ query: String, pools: Set<String>, now: Double) -> GateAnswer {
        guard query.hasPrefix("idle="), let idle = Double(query.dropFirst(5)), (0...1e9).contains(idle) else {
            return GateAnswer(status: 400)
        }
        let tallies = sessions.tally(now: now, idle: idle).flatMap { home, count in
            pools.filter(home.isOf).map { SessionTally(pool: $0, tag: home.tag, live: count) }
        }
        let sorted = tallies.sorted { ($0.pool, $0.tag ?? "") < ($1.pool, $1.tag ?? "") }
        guard let body = try? JSONEncoder().encode(Document(sessions: sorted)) else { return GateAnswer(status: 503) }
        return GateAnswer(
            status: 200, headers: [("Content-Type", "application/json")], body: String(decoding: body, as: UTF8.self))
    }
}
