import Fleet
import Planning

/// Manages instance users through the admin's connection. Every user Convoy makes is named by
/// Convoy, so it can tell its own from others'.
package protocol UserDirectory: Sendable {
    /// Creates the user, or corrects its roles and password; afterwards it holds exactly `grants`.
    func ensure(_ name: String, password: Secret, grants: [DatabaseGrant]) async throws -> UserChange
    /// True when the user exists and holds exactly `grants`.
    func holdsExactly(_ name: String, grants: [DatabaseGrant]) async throws -> Bool
    /// Corrects its roles, and leaves its password as it is; false when there is no such user.
    func restrict(_ name: String, to grants: [DatabaseGrant]) async throws -> Bool
    /// Removing a user that is not there is no error.
    func remove(_ name: String) async throws
    /// Names that start with `prefix`, sorted.
    func list(prefix: String) async throws -> [String]
    /// Users whose names start with `prefix`, with their roles: those of `admin`, where Convoy's live, and
    /// those of these databases, where none should be.
    func holdings(prefix: String, databases: [String]) async throws -> [UserHolding]
}

package enum UserChange: String, Sendable, Equatable, Codable { case created, corrected, unchanged }

/// Asks, over the instance user's own connection, what that user may do.
package protocol ProofSource: Sendable {
    /// Never throws a secret: errors name host and user only.
    func evidence(uri: Secret, grants: [DatabaseGrant]) async throws -> ProofEvidence
}
