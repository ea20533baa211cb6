import Fleet
import Ports

#if canImport(Glibc)
import Glibc
#endif

/// The newest fence that this host has seen, where the lease is kept elsewhere: whoever comes with an older one has
/// lost it since. A host with this file is driven by the operator of a fleet over several hosts.
package struct FenceFile: LeaseGuard {
    private let path: String

    package init(_ path: String) { self.path = path }

    package var exists: Bool { access(path, F_OK) == 0 }

    /// From now on this host is driven from elsewhere.
    package func make() throws { try change { $0 } }

    package func admit(_ fence: Int?) async throws {
        guard let fence else {
            throw Failure(
                .leaseHeld, "the supervisor changes nothing", because: "the request names no lease",
                next: "use the convoy of the fleet's operator")
        }
        try change { newest in
            guard fence >= newest else {
                throw Failure(
                    .leaseHeld, "this command may not change the fleet any more",
                    because: "another operator has had the lease since (\(newest), this one is \(fence))",
                    next: "`convoy lease` and `convoy status` tell how things stand; then run the command again")
            }
            return fence
        }
    }

    /// One at a time, whichever process: the supervisor asks, and so does who brings what a rollout needs.
    private func change(_ body: (Int) throws -> Int) throws {
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw unreadable() }
        defer { close(file) }
        guard flock(file, LOCK_EX) == 0 else { throw unreadable() }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(file, &bytes, bytes.count, 0)
        guard count >= 0 else { throw unreadable() }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self).prefix { $0.isNumber }
        guard let known = text.isEmpty ? 0 : Int(text) else { throw unreadable() }
        let wanted = try body(known)
        guard wanted != known || count == 0 else { return }
        // Of one width, so that it is written over in one piece.
        let digits = String(wanted)
        let line = Array((String(repeating: "0", count: max(0, 19 - digits.count)) + digits + "\n").utf8)
        guard pwrite(file, line, line.count, 0) == line.count, fsync(file) == 0 else { throw unreadable() }
    }

    private func unreadable() -> Failure {
        Failure(
            .unavailable, "cannot tell whose lease is the newest",
            because: "\(path): \(String(cString: strerror(errno)))",
            next: "see to that file")
    }
}

/// A host is changed under the lease that it keeps itself, or, as a member of a larger fleet, by the newest fence.
package struct MemberGuard: LeaseGuard {
    private let own: any LeaseGuard
    private let fence: FenceFile

    package init(own: any LeaseGuard, fence: FenceFile) {
        self.own = own
        self.fence = fence
    }

    package func admit(_ fence: Int?) async throws {
        try await self.fence.exists ? self.fence.admit(fence) : own.admit(fence)
    }
}
