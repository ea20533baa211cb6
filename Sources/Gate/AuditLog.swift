import Dispatch
import Glibc
import Synchronization

/// One JSON object per line, written by a thread of its own: no request ever waits for whoever reads
/// the log. What does not fit into the buffer is dropped, counted, and the loss is logged.
package final class AuditLog: Sendable {
    private struct Backlog: Sendable {
        var bytes: [UInt8] = []
        var dropped = 0
        var isDraining = false
    }

    private let limit: Int
    private let write: @Sendable ([UInt8]) -> Void
    private let clock: @Sendable () -> Double
    private let queue = DispatchQueue(label: "convoy.gate.audit")
    private let backlog = Mutex(Backlog())

    /// `write` may block; it is called by one thread at a time. `clock` tells seconds since 1970.
    package init(
        limit: Int = 1 << 20, clock: @escaping @Sendable () -> Double = WallClock.now,
        write: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.limit = limit
        self.clock = clock
        self.write = write
    }

    package static func standardError() -> AuditLog {
        AuditLog { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                if count <= 0 { return }
                rest = rest.dropFirst(count)
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
        if mustWake { queue.async { self.drain() } }
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

    private func drain() {
        while true {
            let (bytes, dropped) = backlog.withLock { backlog in
                let taken = (backlog.bytes, backlog.dropped)
                backlog.bytes = []
                backlog.dropped = 0
                backlog.isDraining = !taken.0.isEmpty
                return taken
            }
            if bytes.isEmpty { return }
            write(bytes)
            if dropped > 0 {
                let loss = AuditLine(at: clock(), [("event", .text("log lines dropped")), ("count", .number(dropped))])
                write(loss.bytes)
            }
        }
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
