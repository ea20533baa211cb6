/// Why a verb stopped, in the words an operator needs: what, where, why, and what to do next.
///
/// Every error that can reach a person is one of these (or a `SpecError`), so that each carries an
/// exit code and a next step.
package struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
    /// Exit codes as the design fixes them.
    package enum Code: Int32, Sendable, Codable {
        case failed = 1
        case differencesFound = 2
        case usage = 64
        case badSpec = 65
        case unavailable = 69
        case revertFailed = 70
        case leaseHeld = 75
    }

    package var code: Code
    /// What could not be done: `cannot start instance analytics-1-g2`.
    package var what: String
    /// Why, as precisely as it is known.
    package var why: String
    /// What the reader can do about it.
    package var next: String

    package init(_ code: Code, _ what: String, because why: String, next: String) {
        self.code = code
        self.what = what
        self.why = why
        self.next = next
    }

    package var description: String { "\(what): \(why)" + (next.isEmpty ? "" : "\n  next: \(next)") }
}
