/// A moment of one machine: seconds since it was started, time asleep included, and which start that was. No wall
/// clock: one that jumps an hour must neither end a lease nor keep a dead one alive.
package struct LeaseMoment: Sendable, Equatable {
    package var boot: String
    package var seconds: Double

    package init(boot: String, seconds: Double) {
        self.boot = boot
        self.seconds = seconds
    }
}

package struct LeaseHolder: Sendable, Equatable, Codable {
    /// `user@host`.
    package var name: String
    package var host: String
    package var pid: Int32
    /// Clock ticks after boot: tells a reused pid from the old owner.
    package var startTicks: UInt64
    /// The pid namespace: in another one the same number is somebody else.
    package var namespace: String
    package var verb: String

    package init(
        name: String, host: String, pid: Int32, startTicks: UInt64 = 0, namespace: String = "", verb: String
    ) {
        self.name = name
        self.host = host
        self.pid = pid
        self.startTicks = startTicks
        self.namespace = namespace
        self.verb = verb
    }
}

/// A lease as people see it.
package struct OperatorLease: Sendable, Equatable, Codable {
    /// Counts up with each acquisition and never back: whoever comes with a smaller one is late.
    package var fence: Int
    package var holder: LeaseHolder
    package var ageSeconds: Double
    /// Since it last said that it lives.
    package var heartbeatSeconds: Double
    /// Its time is over, or its process is gone: whoever comes next gets it.
    package var expired: Bool

    package init(fence: Int, holder: LeaseHolder, ageSeconds: Double, heartbeatSeconds: Double, expired: Bool) {
        self.fence = fence
        self.holder = holder
        self.ageSeconds = ageSeconds
        self.heartbeatSeconds = heartbeatSeconds
        self.expired = expired
    }

    /// ``anna@web-1 (`rollout` on web-1, pid 12, for 42s, last heard of 2s ago)``.
    package var words: String {
        "\(holder.name) (`\(holder.verb)` on \(holder.host), pid \(holder.pid), for \(ageSeconds.words), "
            + "last heard of \(heartbeatSeconds.words) ago)"
    }
}

extension Double {
    /// Whole seconds: `0s`, `42s`, `61s`.
    var words: String { "\(Int(Swift.max(0, self).rounded(.down)))s" }
}
