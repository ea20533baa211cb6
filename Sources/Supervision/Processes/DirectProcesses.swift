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
