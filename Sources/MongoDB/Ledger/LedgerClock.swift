/// Whose time leases are judged by.
package enum LedgerClock: Sendable {
    /// The primary's: no operator's clock can end another's lease.
    case database
    /// Seconds; a test turns it.
    case hand(@Sendable () -> Double)

    /// Milliseconds, as an expression.
    var now: CommandValue {
        switch self {
        case .database: ["$toLong": "$$NOW"]
        case .hand(let seconds): ["$literal": .integer(Int((seconds() * 1000).rounded()))]
        }
    }
}
