import AsyncHTTPClient
import Fleet
import Foundation

/// Ends the sessions that probes opened, also those of probes that were cancelled: a session left
/// with each probe becomes thousands of database connections in a day.
actor Farewells {
    private var running: [UUID: Task<Void, Never>] = [:]

    /// Nil when there is nothing to end. The task ends by itself within the plan's timeout.
    func say(_ exchange: HTTPExchange) -> Task<Void, Never>? {
        let sessions = exchange.openSessions
        guard !sessions.isEmpty else { return nil }
        let id = UUID()
        // Detached: a cancelled probe still has to tidy up.
        let task = Task.detached {
            for session in sessions { await Self.end(session, exchange) }
            await self.forget(id)
        }
        running[id] = task
        return task
    }

    func finish() async {
        for task in running.values { await task.value }
    }

    private func forget(_ id: UUID) { running[id] = nil }

    private static func end(_ session: String, _ exchange: HTTPExchange) async {
        let headers = [("Mcp-Session-Id", session), ("MCP-Protocol-Version", MCPConversation.legacyVersion)]
        let request = exchange.request("DELETE", exchange.plan.endpoint, headers: headers)
        // Whatever the server says to it, it was told; 404 and 405 are fine answers.
        try? await within(exchange.plan.timeout) {
            _ = try await exchange.body(of: try await exchange.execute(request))
        }
    }
}
