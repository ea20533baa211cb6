import Fleet
import Planning

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

/// What a supervisor asks before it lets an operator change anything.
package protocol LeaseGuard: Sendable {
    /// Throws `.leaseHeld` unless `fence` is of the lease that is held now and has not expired, and whatever is
    /// wrong when nobody can tell.
    func admit(_ fence: Int?) async throws
}

/// What a lease has to know of the machine.
package protocol LeaseWitness: Sendable {
    func now() -> LeaseMoment
    /// False, too, when that can't be told from here.
    func isGone(_ holder: LeaseHolder) -> Bool
}
