import Fleet

/// Who may change the fleet: one operator at a time, and only as long as it says that it lives.
package protocol LeaseStore: Sendable {
    /// Taken when nobody holds it, or its holder's time is over or its process gone. Throws `.leaseHeld` with
    /// the other's name, host, verb and age.
    func acquire(_ holder: LeaseHolder, lifetime: Seconds) async throws -> OperatorLease
    /// Throws `.leaseHeld` when it was lost: expired, broken or taken by another.
    func renew(_ fence: Int, lifetime: Seconds) async throws
    /// Nothing happens when it is another's by now.
    func release(_ fence: Int) async throws
    func current() async throws -> OperatorLease?
    /// Takes it away from whoever holds it; nil when nobody did.
    func breakLease() async throws -> OperatorLease?
}

package struct LeaseHolder: Sendable, Equatable, Codable {
    /// `user@host`.
    package var name: String
    package var host: String
    package var pid: Int32
    package var verb: String

    package init(name: String, host: String, pid: Int32, verb: String) {
        self.name = name
        self.host = host
        self.pid = pid
        self.verb = verb
    }
}

package struct OperatorLease: Sendable, Equatable, Codable {
    /// Counts up with each acquisition and never back: whoever comes with a smaller one is late.
    package var fence: Int
    package var holder: LeaseHolder
    package var ageSeconds: Double
    /// Since it last said that it lives.
    package var heartbeatSeconds: Double
    package var expired: Bool

    package init(fence: Int, holder: LeaseHolder, ageSeconds: Double, heartbeatSeconds: Double, expired: Bool) {
        self.fence = fence
        self.holder = holder
        self.ageSeconds = ageSeconds
        self.heartbeatSeconds = heartbeatSeconds
        self.expired = expired
    }
}

/// What a supervisor asks before it lets an operator change anything.
package protocol LeaseGuard: Sendable {
    /// Throws `.leaseHeld` unless `fence` is of the lease that is held now and has not expired.
    func admit(_ fence: Int?) async throws
}
