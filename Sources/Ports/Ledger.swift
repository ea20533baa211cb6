import Fleet

/// Durable record of what was wished and done. Writes are atomic and synced before they return, and are
/// refused (`.leaseHeld`) once the lease that they were begun under is lost.
package protocol Ledger: Sendable {
    func load() async throws -> LedgerRecord
    func save(_ record: LedgerRecord) async throws
    /// Adds to the journal; returns the entry's index, which counts up from 1 in each rollout.
    @discardableResult
    func append(_ entry: JournalEntry) async throws -> Int
    /// In order; empty for a rollout that nobody knows.
    func journal(of rollout: Int) async throws -> [JournalEntry]
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
    /// The newest rollout, under way or ended; nil before the first.
    package var rollout: RolloutRecord?
    /// Under way or cut: the generation that serves gets more instances, or fewer.
    package var scaling: ScalingRecord?
    /// Hosts that the fleet went on without; nil = none.
    package var left: [LeftHost]?
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
        next: GenerationPlan? = nil, rollout: RolloutRecord? = nil, audit: [AuditEntry] = []
    ) {
        self.format = format
        self.nextGeneration = nextGeneration
        self.current = current
        self.previous = previous
        self.next = next
        self.rollout = rollout
        self.audit = audit
    }
}

/// A host that a rollout went on without. It serves nobody until it is brought to what the fleet serves.
package struct LeftHost: Sendable, Equatable, Codable {
    package var name: String
    /// Number of the rollout.
    package var by: Int
    /// The generation that it served when it was heard last; nil = none that is known.
    package var since: Int?
    /// Seconds since 1970.
    package var at: Double

    package init(name: String, by rollout: Int, since: Int?, at time: Double) {
        self.name = name
        by = rollout
        self.since = since
        at = time
    }
}

/// A change of how many instances the current generation has.
package struct ScalingRecord: Sendable, Equatable, Codable {
    /// Key of its journal; of the same numbers as generations, so that it is nobody else's.
    package var number: Int
    /// As it is to be: the current generation, by the same number.
    package var target: GenerationPlan
    /// Instances that are too many may have gone: only forward.
    package var isPastReturn: Bool
    /// Why it is on its way back; nil while it is not.
    package var undoing: String?

    package init(number: Int, target: GenerationPlan, isPastReturn: Bool = false, undoing: String? = nil) {
        self.number = number
        self.target = target
        self.isPastReturn = isPastReturn
        self.undoing = undoing
    }
}

/// How far a rollout has come: all that `resume` and `rollback` need besides the plans.
package struct RolloutRecord: Sendable, Equatable, Codable {
    package enum State: String, Sendable, Equatable, Codable { case open, converged, undone, undoFailed }

    /// The generation that it brings up, and the key of its journal.
    package var number: Int
    package var verb: String
    package var strategy: String
    /// The generation that served when it began.
    package var from: Int?
    package var state: State
    /// Name of the step that was begun last.
    package var step: String
    /// New traffic may go to the new generation already.
    package var flipped: Bool
    /// It is on its way back.
    package var undoing: Bool
    /// Why it is, or was, undone; else empty.
    package var reason: String
    /// Seconds since 1970.
    package var startedAt: Double
    package var endedAt: Double?
    /// Who began it, as `user@host`.
    package var holder: String
    /// Callers may miss something afterwards: it was asked for. Nil in what an older convoy wrote.
    package var acceptsBreaking: Bool?
    /// What became of the sessions of all that it has drained; absent = nothing that had any.
    package var drained: DrainReport?

    package init(
        number: Int, verb: String, strategy: String, from: Int?, state: State = .open, step: String = "",
        flipped: Bool = false, undoing: Bool = false, reason: String = "", startedAt: Double,
        endedAt: Double? = nil, holder: String = "", acceptsBreaking: Bool? = nil, drained: DrainReport? = nil
    ) {
        self.number = number
        self.verb = verb
        self.strategy = strategy
        self.from = from
        self.state = state
        self.step = step
        self.flipped = flipped
        self.undoing = undoing
        self.reason = reason
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.holder = holder
        self.acceptsBreaking = acceptsBreaking
        self.drained = drained
    }
}

/// One line of a rollout's journal: written before a step (`intent`) and after it.
package struct JournalEntry: Sendable, Equatable, Codable {
    package enum Mark: String, Sendable, Equatable, Codable { case intent, done, failed }

    /// `RolloutRecord.number`.
    package var rollout: Int
    /// From 1; given by the ledger when it is appended.
    package var index: Int
    /// Seconds since 1970.
    package var at: Double
    package var step: String
    package var mark: Mark
    /// In words; never a secret.
    package var detail: String

    package init(rollout: Int, index: Int = 0, at: Double, step: String, mark: Mark, detail: String = "") {
        self.rollout = rollout
        self.index = index
        self.at = at
        self.step = step
        self.mark = mark
        self.detail = detail
    }
}
