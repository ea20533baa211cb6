import Fleet

/// Who may change the fleet. Holds the newest fence that was ever given, and the term that runs under it, if any.
/// Every store keeps exactly this and changes it in one transaction.
package struct LeaseMachine: Sendable, Equatable {
    package struct Term: Sendable, Equatable, Codable {
        package var holder: LeaseHolder
        package var boot: String
        /// Seconds of that boot.
        package var takenAt: Double
        package var heardAt: Double
        package var endsAt: Double

        package init(holder: LeaseHolder, boot: String, takenAt: Double, heardAt: Double, endsAt: Double) {
            self.holder = holder
            self.boot = boot
            self.takenAt = takenAt
            self.heardAt = heardAt
            self.endsAt = endsAt
        }
    }

    package private(set) var fence: Int
    package private(set) var term: Term?

    package init(fence: Int = 0, term: Term? = nil) {
        self.fence = fence
        self.term = term
    }

    /// Throws `.leaseHeld` as long as another's term runs and its process with it.
    package mutating func acquire(
        _ holder: LeaseHolder, lifetime: Seconds, at now: LeaseMoment, isGone: (LeaseHolder) -> Bool
    ) throws(Failure) -> OperatorLease {
        if let other = current(at: now, isGone: isGone), !other.expired { throw .leaseIsHeld(by: other) }
        fence += 1
        term = Term(
            holder: holder, boot: now.boot, takenAt: now.seconds, heardAt: now.seconds,
            endsAt: now.seconds + lifetime.value)
        return OperatorLease(fence: fence, holder: holder, ageSeconds: 0, heartbeatSeconds: 0, expired: false)
    }

    /// Throws `.leaseHeld` unless the term that runs now is the fence's. Asked of each write, and of each change that
    /// a supervisor is asked for.
    package func check(_ fence: Int, at now: LeaseMoment) throws(Failure) {
        guard fence == self.fence else {
            let other = term.map { "\(lease($0, now, false).words) has it now" }
            throw .leaseIsLost(because: other ?? "another command has had it since")
        }
        guard let term else { throw .leaseIsLost(because: "it was taken away, or given back") }
        guard hasEnded(term, now) else { return }
        throw .leaseIsLost(
            because: term.boot == now.boot
                ? "nothing was heard of this operator for \(lease(term, now, true).heartbeatSeconds.words)"
                : "the machine was started anew")
    }

    /// A term that is over stays over, even when nobody has taken the lease since.
    package mutating func renew(_ fence: Int, lifetime: Seconds, at now: LeaseMoment) throws(Failure) {
        try check(fence, at: now)
        term?.heardAt = now.seconds
        term?.endsAt = now.seconds + lifetime.value
    }

    package mutating func release(_ fence: Int) {
        if fence == self.fence { term = nil }
    }

    /// Whoever holds it, also when its time is over; nil when nobody does.
    package func current(at now: LeaseMoment, isGone: (LeaseHolder) -> Bool) -> OperatorLease? {
        term.map { lease($0, now, hasEnded($0, now) || isGone($0.holder)) }
    }

    package mutating func breakTerm(at now: LeaseMoment, isGone: (LeaseHolder) -> Bool) -> OperatorLease? {
        defer { term = nil }
        return current(at: now, isGone: isGone)
    }

    /// Nobody outlives the machine's restart.
    private func hasEnded(_ term: Term, _ now: LeaseMoment) -> Bool {
        term.boot != now.boot || now.seconds >= term.endsAt
    }

    /// Of an earlier boot it is at least as old as this one.
    private func lease(_ term: Term, _ now: LeaseMoment, _ expired: Bool) -> OperatorLease {
        let sameBoot = term.boot == now.boot
        return OperatorLease(
            fence: fence, holder: term.holder, ageSeconds: sameBoot ? now.seconds - term.takenAt : now.seconds,
            heartbeatSeconds: sameBoot ? now.seconds - term.heardAt : now.seconds, expired: expired)
    }
}

extension Failure {
    package static func leaseIsHeld(by other: OperatorLease) -> Failure {
        Failure(
            .leaseHeld, "cannot change this fleet now", because: "\(other.words) is at work on it",
            next: "wait until it has ended; from an operator that is lost, `convoy lease --break` takes the lease")
    }

    /// What a supervisor says to a request without one.
    package static var namesNoLease: Failure {
        Failure(
            .leaseHeld, "the supervisor changes nothing", because: "the request names no lease",
            next: "use the convoy that belongs to this supervisor")
    }

    package static func leaseIsLost(because why: String) -> Failure {
        Failure(
            .leaseHeld, "this command may not change the fleet any more", because: "its lease is lost: \(why)",
            next: "`convoy lease` and `convoy status` tell how things stand; then run the command again")
    }
}
