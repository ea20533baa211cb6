import Fleet
import Planning
import Ports

/// What every `LeaseStore` and `LeaseGuard` keeps.
package enum LeaseContract {
    /// nobody holds a new lease; the second who asks is told who has it
    package static func second(_ desk: LedgerStage) async throws {
        try await expect(desk.leases.current() == nil)
        try await expect(desk.leases.breakLease() == nil)
        let fence = try await desk.acquire(1, verb: "rollout")
        desk.witness.pass(7)
        let refusal = try await require(refusal { _ = try await desk.acquire(2) })
        try await expect(refusal.code == .leaseHeld)
        for word in ["op1@web-1", "on web-1", "`rollout`", "pid 1", "for 7s"] {
            try await expect(refusal.why.contains(word), "\(refusal)")
        }
        let lease = try await require(desk.leases.current())
        try await expect(lease.fence == fence && lease.holder == .sample(1) && !lease.expired)
        try await expect(lease.ageSeconds == 7 && lease.heartbeatSeconds == 7)
    }

    /// a heartbeat prolongs it; silence ends it, for good
    package static func expiry(_ desk: LedgerStage) async throws {
        let fence = try await desk.acquire(1)
        for _ in 0..<4 {
            desk.witness.pass(14)
            try await desk.leases.renew(fence, lifetime: 15)
        }
        try await expect(desk.leases.current()?.ageSeconds == 56)
        desk.witness.pass(15)
        try await expect(desk.leases.current()?.expired == true)
        let late = try await require(refusal { try await desk.leases.renew(fence, lifetime: 15) })
        try await expect(late.code == .leaseHeld && late.why.contains("nothing was heard of this operator for 15s"))
        let next = try await desk.acquire(2, verb: "up")
        try await expect(next > fence)
        let lost = try await require(refusal { try await desk.leases.renew(fence, lifetime: 15) })
        try await expect(lost.why.contains("op2@web-1") && lost.why.contains("`up`"))
        try await desk.leases.renew(next, lifetime: 15)
    }

    /// a holder whose process is gone, or whose machine was started anew, loses it at once
    package static func gone(_ desk: LedgerStage) async throws {
        _ = try await desk.acquire(1)
        desk.witness.kill(1)
        try await expect(desk.leases.current()?.expired == true)
        let second = try await desk.acquire(2)
        desk.witness.restart()
        let why = await refusal { try await desk.leases.renew(second, lifetime: 15) }?.why
        try await expect(why?.contains(desk.endsWithBoot ? "anew" : "nothing was heard") == true, why ?? "")
        try await expect(desk.acquire(3) == second + 1)
    }

    /// fences count up, also after a release and a break
    package static func fences(_ desk: LedgerStage) async throws {
        var last = 0
        for round in 0..<6 {
            let fence = try await desk.acquire(Int32(round))
            try await expect(fence > last)
            // Not the holder's any more: nothing happens.
            if last > 0 { try await desk.leases.release(last) }
            try await expect(desk.leases.current()?.fence == fence)
            if round.isMultiple(of: 2) {
                try await desk.leases.release(fence)
            } else {
                try await expect(desk.leases.breakLease()?.holder == .sample(Int32(round)))
            }
            try await expect(desk.leases.current() == nil)
            last = fence
        }
    }

    /// a broken holder can neither write nor renew nor ask a supervisor
    package static func broken(_ desk: LedgerStage) async throws {
        let fence = try await desk.acquire(1)
        try await desk.leases.admit(fence)
        _ = try await desk.leases.breakLease()
        try await expect(refusal { try await desk.leases.admit(fence) }?.code == .leaseHeld)
        try await expect(refusal { try await desk.leases.renew(fence, lifetime: 15) }?.code == .leaseHeld)
        try await expect(refusal { try await desk.ledger(under: fence).save(LedgerRecord()) }?.code == .leaseHeld)
    }

    /// a supervisor admits the fence that is held now, and no other
    package static func admission(_ desk: LedgerStage) async throws {
        try await expect(refusal { try await desk.leases.admit(1) }?.code == .leaseHeld)
        let first = try await desk.acquire(1)
        try await desk.leases.release(first)
        let second = try await desk.acquire(2)
        try await desk.leases.admit(second)
        for wrong in [nil, 0, first, second + 1] {
            try await expect(
                await refusal { try await desk.leases.admit(wrong) }?.code == .leaseHeld, "\(String(describing: wrong))"
            )
        }
        desk.witness.pass(15)
        try await expect(refusal { try await desk.leases.admit(second) }?.code == .leaseHeld)
    }
}
