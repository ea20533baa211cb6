import CProcess
import Glibc
import Ports

/// Everything that descends from a process started with `setsid` and did not make a session of its
/// own: npm's shell and node, nginx's workers. It outlives its leader, which then is only a number.
struct ProcessSession {
    let record: ProcessRecord

    enum Leader: Equatable { case lives, gone, someoneElse }

    var leader: Leader {
        guard let stat = ProcessStat(pid: record.pid) else { return .gone }
        // A zombie leader still holds its number.
        return stat.startTicks == record.startTicks ? .lives : .someoneElse
    }

    /// Living members, leader included; pids, sorted.
    ///
    /// While members exist the kernel gives their session's number to nobody, so a session found
    /// under our number is ours unless ours had died out and the number came round again. Members
    /// older than our leader, or a leader "born" later than now (a record from before a reboot),
    /// show that.
    func members() -> [Int32] {
        guard record.pid > 1, record.startTicks <= ticksSinceBoot(), leader != .someoneElse else { return [] }
        guard let entries = try? names(in: "/proc") else { return [] }
        // getsid first: it costs a fraction of reading a file, and this runs before each restart.
        return entries.compactMap { Int32($0) }.filter { getsid($0) == record.pid && isMember($0) }.sorted()
    }

    /// Signals every living member; says how many there were.
    func signal(_ number: Int32) -> Int {
        let members = members()
        for pid in members { signal(member: pid, number) }
        return members.count
    }

    /// Kills until nothing is left: a member may fork while we look.
    func kill() {
        for _ in 0..<16 where signal(SIGKILL) == 0 { return }
    }

    private func isMember(_ pid: Int32) -> Bool {
        guard let stat = ProcessStat(pid: pid) else { return false }
        return stat.session == record.pid && stat.startTicks >= record.startTicks && !stat.isGone
    }

    /// Looks again after opening the pidfd: from then on it can't mean another process.
    private func signal(member pid: Int32, _ number: Int32) {
        guard let pidfd = try? OwnedDescriptor(pidfdOf: pid), isMember(pid) else { return }
        _ = convoy_pidfd_send_signal(pidfd.number, number)
    }
}

extension OwnedDescriptor {
    init(pidfdOf pid: Int32) throws(SystemError) {
        let pidfd = convoy_pidfd_open(pid)
        if pidfd < 0 { throw SystemError(code: -pidfd) }
        try self.init(pidfd)
    }
}
