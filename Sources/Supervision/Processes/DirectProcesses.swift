import CProcess
import Fleet
import Glibc
import Ports

/// The direct backend: child processes in sessions of their own. They outlive this process, and the
/// next one finds them again by pid and start time.
package final class DirectProcesses: ProcessBackend {
    package var exits: AsyncStream<ProcessExit> { watcher.exits }
    private let watcher: ExitWatcher

    package init() throws {
        do {
            watcher = try ExitWatcher()
        } catch {
            throw error.failure("cannot watch processes", path: "/proc")
        }
    }

    deinit { watcher.stop() }

    /// The exit of a process that dies at once may be reported before this returns.
    package func start(_ plan: ProcessPlan) async throws -> ProcessRecord {
        let (pid, pidfd) = try ProcessSpawn(plan: plan).run()
        // Not watched yet, so not reaped: even if it died already, this still is its entry.
        guard let stat = ProcessStat(pid: pid) else {
            throw abandon(plan, pidfd, because: "/proc/\(pid)/stat can't be read")
        }
        let record = ProcessRecord(id: plan.id, pid: pid, startTicks: stat.startTicks)
        do {
            try watcher.watch(record, pidfd: pidfd)
        } catch {
            throw abandon(plan, pidfd, because: error.words)
        }
        return record
    }

    /// A process that can't be watched or found again must not run.
    private func abandon(_ plan: ProcessPlan, _ pidfd: Int32, because why: String) -> Failure {
        _ = convoy_pidfd_send_signal(pidfd, SIGKILL)
        var status: Int32 = 0
        _ = convoy_reap_wait(pidfd, &status)
        close(pidfd)
        return Failure(.failed, "cannot watch \(plan.id)", because: why, next: "check /proc and ulimit -n")
    }

    package func adopt(_ record: ProcessRecord) async -> Bool {
        guard lives(record) else { return false }
        let pidfd = convoy_pidfd_open(record.pid)
        guard pidfd >= 0 else { return false }
        // The pid may have changed hands between the look and the open; after it, it can't.
        guard lives(record) else {
            close(pidfd)
            return false
        }
        do {
            try watcher.watch(record, pidfd: pidfd)
            return true
        } catch {
            close(pidfd)
            return false
        }
    }

    /// By what each process of ours has from its first moment: it leads a session, and writes to a log that is
    /// nobody else's.
    package func find(_ id: String, logFile: String) async -> ProcessRecord? {
        guard let log = FileIdentity(path: logFile) else { return nil }
        for name in (try? names(in: "/proc")) ?? [] {
            guard let pid = Int32(name), getsid(pid) == pid, FileIdentity(path: "/proc/\(pid)/fd/1") == log,
                let stat = ProcessStat(pid: pid), !stat.isGone
            else { continue }
            return ProcessRecord(id: id, pid: pid, startTicks: stat.startTicks)
        }
        return nil
    }

    /// With `wholeGroup`, members that outlived their leader are reached too, and `kill` returns only
    /// when each of them was sent the signal.
    package func signal(_ record: ProcessRecord, _ signal: ProcessSignal, wholeGroup: Bool) async {
        let session = ProcessSession(record: record)
        guard wholeGroup else { return send(signal.number, to: record) }
        if signal == .kill { session.kill() } else { _ = session.signal(signal.number) }
    }

    /// What still runs of the process and its descendants: pids, sorted.
    package func members(of record: ProcessRecord) -> [Int32] { ProcessSession(record: record).members() }

    private func lives(_ record: ProcessRecord) -> Bool {
        guard record.pid > 1, let stat = ProcessStat(pid: record.pid) else { return false }
        return stat.startTicks == record.startTicks && !stat.isGone
    }

    private func send(_ number: Int32, to record: ProcessRecord) {
        let sent = watcher.withProcess(record) { pidfd in
            if let pidfd { _ = convoy_pidfd_send_signal(pidfd, number) }
            return pidfd != nil
        }
        guard !sent, let pidfd = try? OwnedDescriptor(pidfdOf: record.pid), lives(record) else { return }
        _ = convoy_pidfd_send_signal(pidfd.number, number)
    }
}

/// Which file it is, whatever path leads there.
private struct FileIdentity: Equatable {
    let device: dev_t
    let inode: ino_t

    /// Nil when there is none, or it may not be seen.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = status.st_dev
        inode = status.st_ino
    }
}

extension ProcessSignal {
    fileprivate var number: Int32 {
        switch self {
        case .term: SIGTERM
        case .int: SIGINT
        case .quit: SIGQUIT
        case .kill: SIGKILL
        case .hup: SIGHUP
        }
    }
}
