import Dispatch
import Fleet
import Glibc
import Synchronization

/// One JSON object per line, written by a thread of its own: no request ever waits for whoever reads
/// the log. Lines are gathered for `pause`, since waking a thread and writing a line each cost as much as
/// the decision itself; a gate that is killed loses no more than those. What does not fit into the buffer is
/// dropped, counted, and the loss is logged.
package final class AuditLog: Sendable {
    private struct Backlog: Sendable {
        var bytes: [UInt8] = []
        /// Empty, with the room that the lines before took: no page of it is asked of the kernel again.
        var spare: [UInt8] = []
        var dropped = 0
        /// Whether a drain is on its way already.
        var isDraining = false
    }

    // Rare enough that not one request in a hundred meets a drain.
    private static let pause = DispatchTimeInterval.milliseconds(40)

    private let limit: Int
    private let write: @Sendable ([UInt8]) -> Void
    private let reopenFile: @Sendable () -> String?
    private let clock: @Sendable () -> Double
    private let queue = DispatchQueue(label: "convoy.gate.audit")
    private let backlog = Mutex(Backlog())

    /// `write` may block; it is called by one thread at a time, as is `reopen`, which returns what is
    /// wrong. `clock` tells seconds since 1970.
    package init(
        limit: Int = 1 << 20, clock: @escaping @Sendable () -> Double = WallClock.now,
        reopen: @escaping @Sendable () -> String? = { nil }, write: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.limit = limit
        self.clock = clock
        self.write = write
        reopenFile = reopen
    }

    package static func standardError() -> AuditLog {
        AuditLog { bytes in _ = AuditFile.write(bytes, to: 2) }
    }

    /// Appends to the file at `path`, which is made with mode 0640. Throws a `Failure` when it can't be
    /// opened.
    package static func file(_ path: String) throws(Failure) -> AuditLog {
        let file = try AuditFile(path)
        return AuditLog(reopen: { file.reopen() }, write: { file.append($0) })
    }

    /// After a rotation: what was appended before goes to the old file, all else to one at the path.
    package func reopen() {
        queue.async {
            self.drain()
            if let fault = self.reopenFile() {
                self.note("the audit goes on in the old file", [("reason", .text(fault))])
            } else {
                self.note("audit opened again")
            }
        }
    }

    /// Something that is no decision: policy, start, stop.
    package func note(_ event: String, _ fields: [(String, AuditLine.Value)] = []) {
        append(AuditLine(at: clock(), [("event", .text(event))] + fields))
    }

    package func append(_ line: AuditLine) {
        let bytes = line.bytes
        let mustWake = backlog.withLock { backlog in
            guard backlog.bytes.count + bytes.count <= limit else {
                backlog.dropped += 1
                return false
            }
            backlog.bytes += bytes
            defer { backlog.isDraining = true }
            return !backlog.isDraining
        }
        if mustWake { drainSoon() }
    }

    private func drainSoon() {
        queue.asyncAfter(deadline: .now() + Self.pause) { if self.drain() { self.drainSoon() } }
    }

    /// Returns when everything that was appended before is written.
    package func flush() async {
        await withCheckedContinuation { continuation in
            queue.async {
                self.drain()
                continuation.resume()
            }
        }
    }

    /// False when there was nothing to write.
    @discardableResult
    private func drain() -> Bool {
        var bytes: [UInt8] = []
        let dropped = backlog.withLock { backlog in
            bytes = backlog.bytes
            backlog.bytes = backlog.spare
            backlog.spare = []
            defer { backlog.dropped = 0 }
            return backlog.dropped
        }
        guard !bytes.isEmpty else {
            return backlog.withLock { backlog in
                backlog.isDraining = !backlog.bytes.isEmpty
                return backlog.isDraining
            }
        }
        write(bytes)
        if dropped > 0 {
            let loss = AuditLine(at: clock(), [("event", .text("log lines dropped")), ("count", .number(dropped))])
            write(loss.bytes)
        }
        bytes.removeAll(keepingCapacity: true)
        backlog.withLock { $0.spare = bytes }
        return true
    }
}

package enum WallClock {
    /// Seconds since 1970.
    package static let now: @Sendable () -> Double = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
