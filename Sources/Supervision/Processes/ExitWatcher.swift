import CProcess
import Glibc
import Ports
import Synchronization

/// One thread that sleeps until a watched process dies. A pidfd wakes it for any process, whoever its
/// parent is, within microseconds, and can never mean another process than the one it was opened for.
final class ExitWatcher: Sendable {
    let exits: AsyncStream<ProcessExit>
    private let continuation: AsyncStream<ProcessExit>.Continuation
    private let poll: Int32
    private let wake: Int32
    private let watched = Mutex(Watched())

    private struct Watched {
        var records: [Int32: ProcessRecord] = [:]
        var pidfds: [ProcessRecord: Int32] = [:]
    }

    init() throws(SystemError) {
        (exits, continuation) = AsyncStream.makeStream()
        poll = try ExitWatcher.checked(convoy_poll_make())
        wake = try ExitWatcher.checked(convoy_wake_make())
        _ = try ExitWatcher.checked(convoy_poll_add(poll, wake))
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let error = pthread_create(&thread, nil, { watchExits($0) }, context.toOpaque())
        guard error == 0 else {
            context.release()
            throw SystemError(code: error)
        }
        pthread_detach(thread)
    }

    /// Takes the pidfd over unless it throws. Idempotent.
    func watch(_ record: ProcessRecord, pidfd: Int32) throws(SystemError) {
        try watched.withLock { (watched) throws(SystemError) in
            if watched.pidfds[record] != nil {
                close(pidfd)
                return
            }
            watched.records[pidfd] = record
            watched.pidfds[record] = pidfd
            let error = convoy_poll_add(poll, pidfd)
            if error < 0 {
                watched.records[pidfd] = nil
                watched.pidfds[record] = nil
                throw SystemError(code: -error)
            }
        }
    }

    /// Runs `body` with the process's pidfd when it is watched. A child of ours is not reaped
    /// meanwhile, so neither its pid nor its group id can come to mean somebody else.
    func withProcess<Result>(_ record: ProcessRecord, _ body: (_ pidfd: Int32?) -> Result) -> Result {
        watched.withLock { body($0.pidfds[record]) }
    }

    func stop() { _ = convoy_wake(wake) }

    fileprivate func run() {
        var ready = [Int32](repeating: 0, count: 32)
        while true {
            let count = convoy_poll_wait(poll, &ready, Int32(ready.count))
            if count < 0 { continue }
            for descriptor in ready[..<Int(count)] {
                if descriptor == wake { return finish() }
                if let exit = collect(descriptor) { continuation.yield(exit) }
            }
        }
    }

    private func collect(_ pidfd: Int32) -> ProcessExit? {
        watched.withLock { watched in
            guard let record = watched.records.removeValue(forKey: pidfd) else { return nil }
            watched.pidfds[record] = nil
            var status: Int32 = 0
            let reaped = convoy_reap(pidfd, &status)
            _ = convoy_poll_remove(poll, pidfd)
            close(pidfd)
            let cause: ProcessExit.Cause =
                switch reaped {
                case Int32(CONVOY_REAPED_EXITED.rawValue): .exited(code: status)
                case Int32(CONVOY_REAPED_SIGNALLED.rawValue): .signalled(status)
                default: .unknown
                }
            return ProcessExit(record: record, cause: cause)
        }
    }

    private func finish() {
        watched.withLock { watched in
            for pidfd in watched.records.keys { close(pidfd) }
            watched = Watched()
        }
        close(poll)
        close(wake)
        continuation.finish()
    }

    private static func checked(_ result: Int32) throws(SystemError) -> Int32 {
        if result < 0 { throw SystemError(code: -result) }
        return result
    }
}

private func watchExits(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let context { Unmanaged<ExitWatcher>.fromOpaque(context).takeRetainedValue().run() }
    return nil
}
