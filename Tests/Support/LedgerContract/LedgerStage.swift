import Fleet
import Planning
import Ports

/// A ledger and its lease over a clock that the test turns.
package struct LedgerStage: Sendable {
    package let witness: HandWitness
    package let leases: any LedgerHome
    /// Whether the machine's restart ends a lease, and not only the time that it takes.
    package let endsWithBoot: Bool

    private let owner: (any Sendable & AnyObject)?

    /// - Parameter owner: lives as long as this does.
    package init(
        witness: HandWitness, leases: any LedgerHome, endsWithBoot: Bool, owner: (any Sendable & AnyObject)? = nil
    ) {
        self.owner = owner
        self.witness = witness
        self.leases = leases
        self.endsWithBoot = endsWithBoot
    }

    package func ledger(under fence: Int? = nil) -> any Ledger { leases.ledger(under: fence) }

    package func acquire(_ pid: Int32, verb: String = "rollout") async throws -> Int {
        try await leases.acquire(.sample(pid, verb: verb), lifetime: 15).fence
    }
}

/// What went against the contract.
package struct LedgerBreach: Error, CustomStringConvertible {
    package var description: String
}

func expect(_ isKept: Bool, _ note: String = "", line: Int = #line, file: String = #fileID) async throws {
    guard isKept else { throw LedgerBreach(description: "\(file):\(line): broken. \(note)") }
}

func require<Value>(_ value: Value?, line: Int = #line, file: String = #fileID) async throws -> Value {
    guard let value else { throw LedgerBreach(description: "\(file):\(line): nothing") }
    return value
}

/// The failure that `body` throws; nil when it throws none, or another error.
package func refusal(_ body: () async throws -> Void) async -> Failure? {
    do { try await body() } catch { return error as? Failure }
    return nil
}
