import Fleet

/// Durable record of what was wished and done. Writes are atomic and synced before they return.
package protocol Ledger: Sendable {
    func load() async throws -> LedgerRecord
    func save(_ record: LedgerRecord) async throws
}

package struct LedgerRecord: Sendable, Equatable, Codable {
    package var format: Int
    /// The number the next generation gets.
    package var nextGeneration: Int
    /// The generation that serves.
    package var current: GenerationPlan?
    /// The last one that served before it and was good: where `rollback` goes.
    package var previous: GenerationPlan?
    /// Begun, not yet flipped to: a rollout that was cut.
    package var next: GenerationPlan?
    /// Newest last.
    package var audit: [AuditEntry]

    package struct AuditEntry: Sendable, Equatable, Codable {
        /// Seconds since 1970.
        package var at: Double
        package var verb: String
        package var outcome: String

        package init(at: Double, verb: String, outcome: String) {
            self.at = at
            self.verb = verb
            self.outcome = outcome
        }
    }

    package init(
        format: Int = 1, nextGeneration: Int = 1, current: GenerationPlan? = nil, previous: GenerationPlan? = nil,
        next: GenerationPlan? = nil, audit: [AuditEntry] = []
    ) {
        self.format = format
        self.nextGeneration = nextGeneration
        self.current = current
        self.previous = previous
        self.next = next
        self.audit = audit
    }
}
